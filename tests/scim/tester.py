"""Runs scim2-tester against a SCIM server: tester.py BASE_URL TOKEN. Prints what is wrong, and ends with 1 if something is.

Requests go out by the standard library, so that the tester needs no HTTP client of its own.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from scim2_client import BaseSyncSCIMClient
from scim2_tester import Status, check_server


class Response:
    def __init__(self, status_code, headers, body):
        self.status_code = status_code
        self.headers = headers
        self.text = body.decode()

    def json(self):
        return json.loads(self.text)


class Client(BaseSyncSCIMClient):
    def __init__(self, base, token):
        super().__init__()
        self.base = base.rstrip("/")
        self.token = token

    def _stays_under_base_url(self, endpoint):
        return self.address(endpoint).startswith(self.base)

    def _parse_json(self, response):
        return json.loads(response.text)

    def address(self, endpoint):
        return endpoint if "://" in endpoint else f"{self.base}/{endpoint.lstrip('/')}"

    def request(self, method, url, params=None, json=None, headers=None, **others):
        if others:
            raise TypeError(f"unexpected: {others}")
        address = self.address(url)
        if params:
            address += "?" + urllib.parse.urlencode(params)
        body = None if json is None else globals()["json"].dumps(json).encode()
        request = urllib.request.Request(address, data=body, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/scim+json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Response(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read())


GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


def is_good(result):
    # Searching everything at once by POST is optional (RFC 7644 section 3.4.3); a server may say that it does not.
    is_left_out = result.status is Status.SKIPPED and "/.search" in (result.reason or "")
    return result.status in GOOD or is_left_out


def main():
    results = check_server(Client(*sys.argv[1:3]))
    bad = [result for result in results if not is_good(result)]
    for result in bad:
        print(f"{result.status.name} {result.title}: {result.reason}")
    print(f"{len(results)} checks, {len(bad)} not passed")
    sys.exit(1 if bad or not results else 0)


main()
