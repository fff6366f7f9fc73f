"""OpenID Connect: authorization code with PKCE (OpenID Connect Core 1.0 3.1, RFC 7636), state and nonce in a signed cookie."""

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from reports.access.directory import Directory, is_safe
from reports.access.secrets import new_secret

LASTS = timedelta(minutes=10)  # from leaving to coming back
SKEW = 60  # seconds that two clocks may differ
LARGEST = 1024 * 1024  # bytes of an answer
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


class Unproven(Exception):
    """The directory did not prove who somebody is; the message is for the log and the trail, not for readers."""


class Unreachable(Unproven):
    """The directory does not answer, or not as it should."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """What a browser carries from leaving for the directory to coming back."""

    state: str
    nonce: str
    verifier: str  # of PKCE
    next: str  # path to go on to
    invitation: str | None  # digest of the link that the account is to be joined by
    ends: float  # seconds since 1970


def new_way(next_path: str, invitation: str | None, at: datetime) -> Way:
    """The beginning of a sign-in."""
    return Way(
        state=new_secret(), nonce=new_secret(), verifier=new_secret(), next=next_path, invitation=invitation,
        ends=(at + LASTS).timestamp(),
    )  # fmt: skip


def sealed(directory: Directory, way: Way) -> str:
    """The way as a cookie, signed so that nobody but us can have written it."""
    body = urlsafe_b64encode(json.dumps(asdict(way)).encode()).decode()
    return f"{body}.{_seal(directory, body)}"


def unsealed(directory: Directory, cookie: str, at: datetime) -> Way | None:
    """The way of a cookie; None when it is not ours, or was begun too long ago."""
    body, _, seal = cookie.rpartition(".")
    if not hmac.compare_digest(seal.encode(), _seal(directory, body).encode()):
        return None
    way = Way(**json.loads(urlsafe_b64decode(body)))
    return way if way.ends > at.timestamp() else None


def _seal(directory: Directory, body: str) -> str:
    """The key is derived from the client's secret, which nobody else has."""
    key = hmac.digest(directory.secret.encode(), b"jisweep: the way to the directory and back", hashlib.sha256)
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()


async def address_to_go(directory: Directory, way: Way, back: str) -> str:
    """Where a browser goes to sign in. Raises Unreachable."""
    async with _client() as client:
        found = await _metadata(client, directory)
    asked = {
        "response_type": "code", "client_id": directory.client_id, "redirect_uri": back, "scope": " ".join(directory.scopes),
        "state": way.state, "nonce": way.nonce, "code_challenge": create_s256_code_challenge(way.verifier),
        "code_challenge_method": "S256",
    }  # fmt: skip
    address = found["authorization_endpoint"]
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


async def claims_of(directory: Directory, way: Way, code: str, issuer: str | None, back: str) -> dict[str, Any]:
    """What the directory says of whoever came back with a code. `issuer` is what the answer names (RFC 9207).

    Raises Unproven.
    """
    async with _client() as client:
        found = await _metadata(client, directory)
        named = issuer is not None or found.get("authorization_response_iss_parameter_supported") is True
        if named and issuer != directory.issuer:
            raise Unproven("another issuer answered")
        tokens = await _tokens(client, directory, found, way, code, back)
        keys = await _json(client, "GET", found["jwks_uri"])
        claims = _checked(directory, way, tokens, keys)
        if directory.claims - claims.keys() and found.get("userinfo_endpoint"):
            more = await _userinfo(client, found["userinfo_endpoint"], tokens, claims["sub"])
            claims = {**more, **claims}
    return claims


def _checked(directory: Directory, way: Way, tokens: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of an ID token that is the issuer's, for us, of this sign-in and not over (Core 3.1.3.7)."""
    try:
        token = jwt.decode(str(tokens.get("id_token")), KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
        rules = jwt.JWTClaimsRegistry(
            leeway=SKEW, iss={"essential": True, "value": directory.issuer}, aud={"essential": True, "value": directory.client_id},
            sub={"essential": True}, exp={"essential": True}, iat={"essential": True}, nonce={"essential": True, "value": way.nonce},
        )  # fmt: skip
        rules.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unproven(f"the ID token does not hold: {type(error).__name__} {error}") from error
    claims = dict(token.claims)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != directory.client_id:
        raise Unproven("the ID token is for another client")
    if not 0 < len(claims["sub"]) <= 255:
        raise Unproven("the ID token names nobody")
    return claims


async def _tokens(
    client: httpx.AsyncClient, directory: Directory, found: Mapping[str, Any], way: Way, code: str, back: str
) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": way.verifier}
    headers = {}
    if "client_secret_post" in found.get("token_endpoint_auth_methods_supported", ()) and (
        "client_secret_basic" not in found["token_endpoint_auth_methods_supported"]
    ):
        form |= {"client_id": directory.client_id, "client_secret": directory.secret}
    else:  # RFC 6749 2.3.1
        pair = f"{quote_plus(directory.client_id)}:{quote_plus(directory.secret)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return await _json(client, "POST", found["token_endpoint"], data=form, headers=headers)


async def _userinfo(
    client: httpx.AsyncClient, address: str, tokens: Mapping[str, Any], subject: str
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {tokens.get('access_token')}"}
    more = await _json(client, "GET", address, headers=headers)
    if more.get("sub") != subject:  # Core 5.3.2
        raise Unproven("the directory tells of somebody else")
    return more


async def _metadata(client: httpx.AsyncClient, directory: Directory) -> dict[str, Any]:
    """What the issuer publishes (OpenID Connect Discovery 1.0); each address that we use is safe to send to."""
    found = await _json(client, "GET", f"{directory.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != directory.issuer:
        raise Unreachable(f"the issuer calls itself {found.get('issuer')!r}")
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(is_safe(found.get(each)) for each in needed) or not is_safe(
        found.get("userinfo_endpoint", directory.issuer)
    ):
        raise Unreachable("the issuer names addresses that are not safe")
    return found


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=10, headers={"Accept": "application/json"})


async def _json(client: httpx.AsyncClient, method: str, address: str, **more: Any) -> dict[str, Any]:
    """A JSON object, not too large, from an address itself: no redirect is followed."""
    try:
        async with client.stream(method, address, **more) as answer:
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > LARGEST:
                    raise Unreachable(f"{address} answers too much")
        if answer.status_code == 400 and method == "POST":
            raise Unproven("the directory does not know the code")
        found = json.loads(body) if answer.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unreachable(f"{address}: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise Unreachable(f"{address} answered {answer.status_code}")
    return found
