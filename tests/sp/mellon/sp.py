#!/usr/bin/env python3
"""Apache with mod_auth_mellon as a service provider, in a folder of its own. How it is spoken to stands in docs/testing.md."""

import argparse
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
PAOS = "urn:oasis:names:tc:SAML:2.0:bindings:PAOS"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
MODULES = ("mpm_prefork", "authn_core", "authz_core", "authz_user", "alias", "cgi", "env", "rewrite", "auth_mellon")
MODULE_FOLDER = "/usr/lib/apache2/modules"
START_SECONDS = 20

METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="{md}" xmlns:ds="{ds}" entityID="{entity_id}">
  <md:SPSSODescriptor AuthnRequestsSigned="{signed}" WantAssertionsSigned="true"
      protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
    </md:KeyDescriptor>
    <md:KeyDescriptor use="encryption">
      <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
    </md:KeyDescriptor>
    <md:SingleLogoutService Binding="{logout_binding}" Location="{base}/mellon/logout"/>
    <md:NameIDFormat>{name_id_format}</md:NameIDFormat>
    <md:AssertionConsumerService index="0" isDefault="true" Binding="{bindings}{acs_binding}" Location="{acs}"/>
    <md:AssertionConsumerService index="1" Binding="{paos}" Location="{base}/mellon/paosResponse"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"""

CONFIGURATION = """
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
LogLevel warn
{modules}
{user}
StartServers 1
MinSpareServers 1
MaxRequestWorkers 8
MellonLockFile "{folder}/mellon.lock"
DocumentRoot "{folder}/pages"
<Directory "{folder}/pages">
  Require all granted
</Directory>
<Location "/">
  MellonSPPrivateKeyFile "{folder}/sp.key"
  MellonSPCertFile "{folder}/sp.crt"
  MellonSPMetadataFile "{folder}/sp.xml"
  MellonIdPMetadataFile "{folder}/idp.xml"
  MellonEndpointPath /mellon
  MellonDefaultLoginPath /private
  MellonSamlResponseDump On
  MellonUser NAME_ID
  MellonEnable info
</Location>
Alias /metadata "{folder}/sp.xml"
<Location "/metadata">
  ForceType application/samlmetadata+xml
  Require all granted
</Location>
ScriptAlias /private "{folder}/pages/private.py"
<Location "/private">
  MellonEnable auth
  Require valid-user
</Location>
<Location "/bye">
  ForceType application/json
</Location>
RewriteEngine On
RewriteRule ^/logout$ "/mellon/logout?ReturnTo={base}/bye" [R=303,L]
RewriteCond %{{QUERY_STRING}} is_passive=1
RewriteRule ^/login$ "/mellon/login?IsPassive=true&ReturnTo={base}/private" [R=303,L]
RewriteRule ^/login$ "/mellon/login?ReturnTo={base}/private" [R=303,L]
"""


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_key_pair(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "2", "-subj", "/CN=sp"]
        + ["-keyout", folder / "sp.key", "-out", folder / "sp.crt"],
        check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    return "".join(line for line in (folder / "sp.crt").read_text().splitlines() if not line.startswith("-----"))


def write_idp_metadata(source, target, binding):
    """mellon takes the Redirect endpoint when there is one; so the other is tested by leaving that one out."""
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=20) as answer:
            text = answer.read()
    else:
        text = pathlib.Path(source).read_bytes()
    root = xml.fromstring(text)
    if binding == "post":
        for role in root.iter(f"{{{MD}}}IDPSSODescriptor"):
            for service in role.findall(f"{{{MD}}}SingleSignOnService"):
                if service.get("Binding") == BINDINGS + "Redirect":
                    role.remove(service)
        text = xml.tostring(root)
    target.write_bytes(text)
    return root.get("entityID")


def write_configuration(folder, port, base):
    # Started as root, Apache gives up its rights; started by anyone else it must not be told a user.
    user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
    modules = "\n".join(f"LoadModule {name}_module {MODULE_FOLDER}/mod_{name}.so" for name in MODULES)
    text = CONFIGURATION.format(folder=folder, port=port, base=base, modules=modules, user=user)
    (folder / "apache.conf").write_text(text)
    pages = folder / "pages"
    pages.mkdir()
    (pages / "bye").write_text(json.dumps({"event": "signed_out"}))
    shutil.copy(HERE / "private.py", pages / "private.py")
    (pages / "private.py").chmod(0o755)
    if os.getuid() == 0:
        owner = pwd.getpwnam("www-data")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def wait_until_listening(port, apache):
    for _ in range(START_SECONDS * 20):
        if apache.poll() is not None:
            raise SystemExit(f"apache2 ended with {apache.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("apache2 did not listen in time")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--entity-id", help="default: the URL of the metadata")
    parser.add_argument("--idp-metadata", help="file or URL; without it, one line on standard input names it")
    parser.add_argument("--sign-requests", action="store_true")
    parser.add_argument("--allow-unsolicited", action="store_true", help="mellon always does")
    parser.add_argument("--binding", choices=["redirect", "post"], default="redirect")
    parser.add_argument("--artifact", action="store_true", help="take responses by HTTP-Artifact")
    parser.add_argument("--soap-logout", action="store_true", help="take LogoutRequests by SOAP alone")
    parser.add_argument("--name-id-format", default="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
    return parser.parse_args()


def serve(options, folder):
    port = options.port or free_port()
    base = f"http://127.0.0.1:{port}"
    entity_id, acs = options.entity_id or f"{base}/metadata", f"{base}/mellon/postResponse"
    acs_binding = "POST"
    if options.artifact:
        acs, acs_binding = f"{base}/mellon/artifactResponse", "Artifact"
    certificate, signed = write_key_pair(folder), "true" if options.sign_requests else "false"
    description = METADATA.format(
        md=MD, ds=DS, bindings=BINDINGS, base=base, entity_id=entity_id, acs=acs, acs_binding=acs_binding, signed=signed, certificate=certificate,
        name_id_format=options.name_id_format, paos=PAOS,
        logout_binding=SOAP if options.soap_logout else BINDINGS + "Redirect",
    )
    (folder / "sp.xml").write_text(description)
    say("metadata", file=str(folder / "sp.xml"), entity_id=entity_id, acs=acs, base=base)
    source = options.idp_metadata or sys.stdin.readline().strip()
    if not source:
        return
    idp = write_idp_metadata(source, folder / "idp.xml", options.binding)
    write_configuration(folder, port, base)
    command = ["apache2", "-d", folder, "-f", folder / "apache.conf", "-DFOREGROUND"]
    # A session of its own: when it ends, Apache sends SIGTERM to its whole process group.
    apache = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
    # Outside our group it would also outlive us when we are killed; so it hangs on a pipe that closes then.
    command = ["sh", "-c", 'cat >/dev/null; kill -TERM "$1"', "tether", str(apache.pid)]
    tether = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_listening(port, apache)
        say("ready", base=base, idp=idp)
        # Whoever started this ends it by closing its standard input, also by dying.
        sys.stdin.read()
    finally:
        tether.stdin.close()
        tether.wait()
        apache.wait()
        for line in (folder / "error.log").read_text().splitlines():
            if "auth_mellon" in line:
                say("log", line=line)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="tessera-sp-") as folder:
        serve(options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
