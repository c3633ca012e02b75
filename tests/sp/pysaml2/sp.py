#!/usr/bin/env python3
"""A strict service provider on pysaml2. How it is spoken to stands in docs/testing.md."""

import argparse
import base64
import http.server
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, saml, samlp
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.sigver import verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}
CLOCK_SKEW_SECONDS = 5


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def key_pair(folder):
    key, cert = os.path.join(folder, "sp.key"), os.path.join(folder, "sp.crt")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "2", "-subj", "/CN=sp"]
        + ["-keyout", key, "-out", cert],
        check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    return key, cert


class Provider:
    """What is configured, what was asked, and who is signed in."""

    def __init__(self, options, base, folder):
        self.options, self.base, self.folder = options, base, folder
        self.entity_id = options.entity_id or base + "/metadata"
        self.acs = base + "/acs"
        self.key, self.cert = key_pair(folder)
        self.outstanding = {}
        self.sessions = {}
        self.names = {}
        self.idp_metadata = None

    def config(self, unsolicited=False):
        description = {
            "entityid": self.entity_id,
            "key_file": self.key,
            "cert_file": self.cert,
            "allow_unknown_attributes": True,
            "accepted_time_diff": CLOCK_SKEW_SECONDS,
            "encryption_keypairs": [{"key_file": self.key, "cert_file": self.cert}],
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
            "service": {
                "sp": {
                    "endpoints": {
                        "assertion_consumer_service": [(self.acs, BINDING_HTTP_POST)],
                        "single_logout_service": [(self.base + "/slo", BINDING_HTTP_REDIRECT)],
                    },
                    "logout_requests_signed": True,
                    "logout_responses_signed": True,
                    "authn_requests_signed": self.options.sign_requests,
                    "want_response_signed": True,
                    "want_assertions_signed": True,
                    "allow_unsolicited": unsolicited,
                    "name_id_format": [self.options.name_id_format],
                }
            },
        }
        if self.idp_metadata:
            description["metadata"] = {"local": [self.idp_metadata]}
        return SPConfig().load(description)

    def metadata(self):
        return str(entity_descriptor(self.config()))

    def learn_idp(self, source):
        if source.startswith(("http://", "https://")):
            with urllib.request.urlopen(source, timeout=20) as answer:
                text = answer.read()
            source = os.path.join(self.folder, "idp.xml")
            with open(source, "wb") as file:
                file.write(text)
        self.idp_metadata = source
        self.client = Saml2Client(config=self.config())
        self.unsolicited_client = Saml2Client(config=self.config(unsolicited=True))
        self.idp = next(iter(self.client.metadata.with_descriptor("idpsso")))

    def request(self, query):
        binding = BINDINGS[query.get("binding", "redirect")]
        flags = {name: "true" for name in ("force_authn", "is_passive") if query.get(name) == "1"}
        sign = query["sign"] == "1" if "sign" in query else self.options.sign_requests
        handle, info = self.client.prepare_for_authenticate(
            entityid=self.idp, relay_state=query.get("relay_state", ""), binding=binding, sign=sign,
            sigalg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256, nameid_format=self.options.name_id_format, **flags,
        )
        self.outstanding[handle] = query.get("relay_state", "")
        return binding, info

    def consume(self, form):
        raw = form["SAMLResponse"]
        # pysaml2 with `allow_unsolicited` lets any InResponseTo pass; so only a message that has none goes there.
        peek = samlp.response_from_string(base64.b64decode(raw))
        solicited = peek.in_response_to is not None
        if not solicited and not self.options.allow_unsolicited:
            raise ValueError("unsolicited response")
        client = self.client if solicited else self.unsolicited_client
        response = client.parse_authn_request_response(raw, BINDING_HTTP_POST, outstanding=dict(self.outstanding))
        self.hold_to_the_profile(response)
        self.outstanding.pop(response.in_response_to, None)
        described = self.describe(response, form.get("RelayState"))
        return {"encrypted": len(peek.encrypted_assertion) == 1, **described}, (client, response.name_id)

    def ask_to_sign_out(self, session):
        """The headers that lead to the identity provider with a LogoutRequest, by the binding pysaml2 likes best."""
        client, name_id = self.names[session]
        answers = client.global_logout(name_id, sign=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        (binding, info), = answers.values()
        if binding != BINDING_HTTP_REDIRECT:
            raise ValueError(f"logout by {binding}")
        return info["headers"]

    def take_logout(self, query, session):
        """A message at the address for logout: headers of the answer to a request, or what a response says."""
        self.check_redirect_signature(query)
        if "SAMLRequest" in query:
            client, name_id = self.names.get(session, (self.client, None))
            info = client.handle_logout_request(
                query["SAMLRequest"], name_id, BINDING_HTTP_REDIRECT, sign=True, sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256, relay_state=query.get("RelayState"), sigalg=query["SigAlg"],
                signature=query["Signature"],
            )
            self.sessions.pop(session, None)
            return info["headers"], None
        client, _ = self.names[session]
        response = client.parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
        if not response.status_ok():
            raise ValueError("the identity provider has not signed out")
        client.handle_logout_response(response)
        self.sessions.pop(session, None)
        return None, {"event": "signed_out", "in_response_to": response.response.in_response_to}

    def check_redirect_signature(self, query):
        """pysaml2 leaves the signature of a LogoutResponse by redirect to its caller."""
        certificates = self.client.metadata.certs(self.idp, "idpsso", "signing")
        backend = self.client.sec.sec_backend
        if not any(verify_redirect_signature(dict(query), backend, cert) for _, cert in certificates):
            raise ValueError("the signature of the address does not verify")

    def hold_to_the_profile(self, response):
        """Profiles 4.1.4.2 and 4.1.4.3: what pysaml2 leaves to its caller."""
        if response.response.destination != self.acs:
            raise ValueError(f"Destination is {response.response.destination}")
        if response.issuer() != self.idp or response.assertion.issuer.text != self.idp:
            raise ValueError("another issuer")
        audiences = [
            audience.text
            for restriction in response.assertion.conditions.audience_restriction
            for audience in restriction.audience
        ]
        if audiences != [self.entity_id]:
            raise ValueError(f"audiences are {audiences}")
        for confirmation in response.assertion.subject.subject_confirmation:
            data = confirmation.subject_confirmation_data
            if data.recipient != self.acs or data.not_before or not data.not_on_or_after:
                raise ValueError("SubjectConfirmationData is not what the profile demands")
            if data.in_response_to != response.response.in_response_to:
                raise ValueError("InResponseTo of Response and SubjectConfirmationData differ")

    def describe(self, response, relay_state):
        assertion, name_id = response.assertion, response.name_id
        attributes = {
            attribute.name: [value.text for value in attribute.attribute_value]
            for statement in assertion.attribute_statement
            for attribute in statement.attribute
        }
        return {
            "name_id": name_id.text,
            "name_id_format": name_id.format,
            "attributes": attributes,
            "session_index": assertion.authn_statement[0].session_index,
            "authn_instant": assertion.authn_statement[0].authn_instant,
            "in_response_to": response.response.in_response_to,
            "issuer": assertion.issuer.text,
            "relay_state": relay_state,
        }


def status_of(raw):
    """The innermost status code of a refused message, without its URN: unverified, for tests to read."""
    try:
        code = samlp.response_from_string(base64.b64decode(raw)).status.status_code
    except Exception:  # not a Response at all
        return None
    while code.status_code is not None:
        code = code.status_code
    return code.value.rpartition(":")[2]


class Handler(http.server.BaseHTTPRequestHandler):
    provider = None

    def log_message(self, *_):
        pass

    def reply(self, status, body, content_type="application/json", headers=()):
        data = (json.dumps(body) if isinstance(body, dict) else body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/metadata":
            self.reply(200, self.provider.metadata(), "application/samlmetadata+xml")
        elif url.path == "/login":
            self.send_request(query)
        elif url.path == "/private":
            session = self.provider.sessions.get(self.session_cookie())
            self.reply(200, session) if session else self.send_request({"relay_state": "/private"})
        elif url.path == "/logout":
            self.reply(303, "", headers=self.provider.ask_to_sign_out(self.session_cookie()))
        elif url.path == "/slo":
            self.take_logout(query)
        else:
            self.reply(404, {"event": "refused", "reason": "no such page"})

    def send_request(self, query):
        binding, info = self.provider.request(query)
        if binding == BINDING_HTTP_REDIRECT:
            self.reply(303, "", headers=info["headers"])
        else:
            self.reply(200, info["data"], "text/html; charset=utf-8")

    def take_logout(self, query):
        try:
            headers, told = self.provider.take_logout(query, self.session_cookie())
        except Exception as error:
            refusal = {"reason": f"{type(error).__name__}: {error}"}
            say("refused", **refusal)
            self.reply(403, {"event": "refused", **refusal})
            return
        self.reply(200, told) if told else self.reply(303, "", headers=headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if urllib.parse.urlsplit(self.path).path != "/acs":
            self.reply(404, {"event": "refused", "reason": "no such page"})
            return
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        try:
            accepted, name = self.provider.consume(form)
        except Exception as error:  # whatever pysaml2 raises is a refusal, and the test reads why
            refusal = {"reason": f"{type(error).__name__}: {error}", "status": status_of(form.get("SAMLResponse", ""))}
            say("refused", **refusal)
            self.reply(403, {"event": "refused", **refusal})
            return
        say("accepted", **accepted)
        session = secrets.token_hex(16)
        self.provider.sessions[session] = {"event": "accepted", **accepted}
        self.provider.names[session] = name
        cookie = ("Set-Cookie", f"sp-pysaml2={session}; Path=/; HttpOnly")
        self.reply(200, {"event": "accepted", **accepted}, headers=[cookie])

    def session_cookie(self):
        cookies = (part.strip().partition("=") for part in self.headers.get("Cookie", "").split(";"))
        return next((value for name, _, value in cookies if name == "sp-pysaml2"), None)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--entity-id", help="default: the URL of the metadata")
    parser.add_argument("--idp-metadata", help="file or URL; without it, one line on standard input names it")
    parser.add_argument("--sign-requests", action="store_true")
    parser.add_argument("--allow-unsolicited", action="store_true")
    parser.add_argument("--name-id-format", default=saml.NAMEID_FORMAT_EMAILADDRESS)
    return parser.parse_args()


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="tessera-sp-") as folder:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
        provider = Handler.provider = Provider(options, f"http://127.0.0.1:{server.server_port}", folder)
        metadata = os.path.join(folder, "sp.xml")
        with open(metadata, "w", encoding="utf-8") as file:
            file.write(provider.metadata())
        say("metadata", file=metadata, entity_id=provider.entity_id, acs=provider.acs, base=provider.base)
        source = options.idp_metadata or sys.stdin.readline().strip()
        if not source:
            return
        provider.learn_idp(source)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say("ready", base=provider.base, idp=provider.idp)
        # Whoever started this ends it by closing its standard input, also by dying.
        sys.stdin.read()


if __name__ == "__main__":
    main()
