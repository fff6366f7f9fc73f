"""A small issuer of OpenID Connect on loopback: discovery, keys, authorize, token and userinfo, signing with RS256.

It is strict where we must be right: PKCE, the client's secret, the address to come back to, and a code that serves once.
What it says of whom, and what it gets wrong on purpose, tests choose.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "jisweep", "s3cret/ü+"


@dataclass
class Issuer:
    """`with Issuer() as issuer:`; `claims` are of whoever signs in next, `spoil` changes an ID token before it is signed."""

    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)  # instead of what it would publish
    spoil: Callable[[dict[str, Any]], None] = lambda _: None
    sign_with: RSAKey | None = None  # another key than the published one
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> "Issuer":
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer._get(self)

            def do_POST(self) -> None:
                issuer._post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/realm"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _get(self, asked: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(asked.path)
        if parts.path == "/realm/.well-known/openid-configuration":
            usual = {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys", "userinfo_endpoint": f"{self.url}/userinfo",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }  # fmt: skip
            _answer(asked, 200, usual | self.metadata)
        elif parts.path == "/realm/keys":
            _answer(asked, 200, KeySet([self._key]).as_dict(private=False))
        elif parts.path == "/realm/userinfo":
            _answer(asked, 200, self.userinfo)
        elif parts.path == "/realm/authorize":
            told = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code = secrets.token_urlsafe(8)
            self.codes[code] = told
            back = {"code": code, "state": told["state"]}
            asked.send_response(302)
            asked.send_header("Location", f"{told['redirect_uri']}?{urlencode(back)}")
            asked.send_header("Content-Length", "0")
            asked.end_headers()

    def _post(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        told = self.codes.pop(form.get("code", ""), None)
        wrong = self._wrong(asked, form, told)
        if told is None or wrong:
            self.refused.append(wrong or "unknown code")
            _answer(asked, 400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": told["nonce"], **self.claims,
        }  # fmt: skip
        self.spoil(claims)
        key: Any = self.sign_with or self._key
        token = jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, key, algorithms=[self.algorithm])
        _answer(asked, 200, {"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _wrong(self, asked: BaseHTTPRequestHandler, form: dict[str, str], told: dict[str, str] | None) -> str:
        if told is None:
            return "unknown code"
        pair = base64.b64decode(asked.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if tuple(map(unquote_plus, pair.split(":"))) != (CLIENT, SECRET):
            return "client"
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (told["code_challenge_method"], told["code_challenge"]) != ("S256", challenge):
            return "verifier"
        return "" if form["redirect_uri"] == told["redirect_uri"] else "redirect_uri"


def _answer(asked: BaseHTTPRequestHandler, status: int, told: Any) -> None:
    body = json.dumps(told).encode()
    asked.send_response(status)
    asked.send_header("Content-Type", "application/json")
    asked.send_header("Content-Length", str(len(body)))
    asked.end_headers()
    asked.wfile.write(body)
