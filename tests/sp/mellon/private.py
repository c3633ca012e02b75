#!/usr/bin/python3
"""The page behind mod_auth_mellon: what the module accepted, as JSON. Runs as CGI."""

import base64
import json
import os
import re
import xml.etree.ElementTree as xml

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"


def repeated(name):
    """The values of one attribute: mellon numbers them from 0."""
    values, index = [], 0
    while (value := os.environ.get(f"MELLON_{name}_{index}")) is not None:
        values.append(value)
        index += 1
    return values


def opened(encrypted):
    """What mellon read out of an assertion that it fetched or decrypted itself: only its environment tells."""
    found = (re.fullmatch(r"MELLON_(.+)_\d+", name) for name in os.environ)
    names = {match[1] for match in found if match} - {"NAME_ID"}
    attributes = {name: repeated(name) for name in names}
    return {"event": "accepted", "encrypted": encrypted, "name_id": os.environ["MELLON_NAME_ID"], "attributes": attributes}


def received():
    dumped = os.environ.get("MELLON_SAML_RESPONSE", "")
    # What a client without a browser has brought is dumped with its envelope, and not in base64.
    if not dumped or dumped.lstrip().startswith("<"):
        return opened(False)
    response = xml.fromstring(base64.b64decode(dumped))
    if response.find(f"{ASSERTION}EncryptedAssertion") is not None:
        return opened(True)
    assertion = response.find(f"{ASSERTION}Assertion")
    statement = assertion.find(f"{ASSERTION}AuthnStatement")
    names = [attribute.get("Name") for attribute in assertion.iter(f"{ASSERTION}Attribute")]
    return {
        "event": "accepted",
        "encrypted": False,
        "name_id": os.environ["MELLON_NAME_ID"],
        "name_id_format": assertion.find(f"{ASSERTION}Subject/{ASSERTION}NameID").get("Format"),
        "attributes": {name: repeated(name) for name in names},
        "session_index": statement.get("SessionIndex"),
        "authn_instant": statement.get("AuthnInstant"),
        "in_response_to": response.get("InResponseTo"),
        "issuer": os.environ.get("MELLON_IDP"),
        "relay_state": None,
    }


print("Content-Type: application/json\r\n\r\n" + json.dumps(received()), end="")
