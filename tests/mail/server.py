"""A mail server on a free port of this machine: server.py plain|starttls|smtps [CERTIFICATE KEY].

Prints its port, then a line of JSON for each mail it took. With TLS it wants the user `tessera` with the password
`p@ss word`.
"""

import json
import socket
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Handler:
    async def handle_DATA(self, server, session, envelope):
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode(),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        print(json.dumps(told), flush=True)
        return "250 Taken"


def check(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"tessera", b"p@ss word"), handled=False, auth_data=data)


def main():
    mode, files = sys.argv[1], sys.argv[2:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"hostname": "127.0.0.1", "port": port}
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
        options |= {"authenticator": check, "auth_required": True}
        if mode == "smtps":
            options |= {"ssl_context": context, "auth_require_tls": False}
        else:
            options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(Handler(), **options)
    controller.start()
    print(port, flush=True)
    threading.Event().wait()


main()
