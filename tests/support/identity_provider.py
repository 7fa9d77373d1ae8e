"""A fake identity provider: an ASGI application with real keys, which tells the truth unless a test makes it lie.

It signs in whom `who` names without asking, and checks of the broker what a good provider checks: the redirect, PKCE, the
client's own proof, and that a code is used once.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jwt.algorithms import OKPAlgorithm

from broker.domain.outbound import Answered, Sent
from broker.errors import Unavailable

CLIENT = "rondom-console"
SUBJECT = "a.privacy.officer@waterdijk.example"
SECRET = "a-secret-of-the-provider-of-thirty-two"
PHR = "urn:example:phishing-resistant"


class IdentityProvider:
    """One provider. Change `claims`, `header`, `description`, `jwks` or `answer` to make it lie."""

    def __init__(self, issuer: str = "http://localhost:9/idp", *, patient: bool = False) -> None:
        self.issuer = issuer
        self.patient = patient
        self.who = SUBJECT
        self.kid = "key-1"
        self.key = Ed25519PrivateKey.generate()
        self.client_key: Any = None
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.description: dict[str, Any] = {}
        self.answers_with: dict[str, str] = {}
        self.app = self._application()

    def _application(self) -> FastAPI:
        app, path = FastAPI(docs_url=None, openapi_url=None), urlsplit(self.issuer).path
        app.add_api_route(f"{path}/.well-known/openid-configuration", self._describe, methods=["GET"])
        app.add_api_route(f"{path}/jwks", self._keys, methods=["GET"])
        app.add_api_route(f"{path}/authorize", self._authorize, methods=["GET"])
        app.add_api_route(f"{path}/token", self._token, methods=["POST"], response_model=None)
        return app

    async def _describe(self) -> Response:
        self.asked.append("description")
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse({**said, **self.description})

    async def _keys(self) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.jwk()]})

    def jwk(self) -> dict[str, Any]:
        """The public key that it signs with."""
        return {**OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}

    def turn(self) -> None:
        """Sign with another key from now on."""
        self.key, self.kid = Ed25519PrivateKey.generate(), f"key-{secrets.token_hex(4)}"

    async def _authorize(self, request: Request) -> Response:
        """Sign in whoever comes; a `patient` one waits for a button, as people do."""
        back = self.back(str(request.url))
        if self.patient:
            return HTMLResponse(
                f'<!doctype html><html lang="en"><title>Waterdijk</title><main><h1>Waterdijk</h1>'
                f'<a id="go" href="{back.replace("&", "&amp;")}">Sign in</a></main>'
            )
        return RedirectResponse(back, 303)

    def back(self, address: str) -> str:
        """Where it sends the browser that came to this address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        assert len(asked["state"]) >= 43
        assert len(asked["nonce"]) >= 43
        code = f"code-{secrets.token_urlsafe(24)}"
        self.codes[code] = {**asked, "who": self.who}
        said = {"code": code, "state": asked["state"], "iss": self.issuer, **self.answers_with}
        return f"{asked['redirect_uri']}?{urlencode({k: v for k, v in said.items() if v})}"

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        good = (
            asked is not None
            and base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and self._knows(form, request.headers.get("authorization", ""))
        )
        if not good or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(self.answer(asked["nonce"], asked["who"]))

    def _knows(self, form: dict[str, str], header: str) -> bool:
        if self.client_key is None:
            name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            return unquote(name) == CLIENT and unquote(secret) == SECRET
        claims = jwt.decode(
            form["client_assertion"], self.client_key, algorithms=["EdDSA"], audience=f"{self.issuer}/token"
        )
        return bool(claims["iss"] == claims["sub"] == CLIENT == form["client_id"])

    def answer(self, nonce: str, who: str = SUBJECT) -> dict[str, Any]:
        """What its token endpoint says."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": who,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": nonce,
            "acr": PHR,
            "amr": ["pwd", "mfa"],
            "email": SUBJECT,
        }
        token = jwt.encode(self.claims(claims), self.key, algorithm="EdDSA", headers={"kid": self.kid})
        return {"access_token": "an-access-token-of-nobody", "token_type": "Bearer", "id_token": token}

    async def fetch(self, sent: Sent, most: int) -> Answered:
        """As `broker.notifications.outside.fetch`, without a network."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as client:
            method = "GET" if sent.form is None else "POST"
            found = await client.request(method, sent.url, data=dict(sent.form or {}), headers=dict(sent.headers))
        if len(found.content) > most:
            raise Unavailable
        return Answered(found.status_code, found.content)

    def settings(self, folder: Path, **more: str) -> Path:
        """A file for BROKER_OIDC with this provider, for officers of the whole unless `more` says otherwise; lines of TOML."""
        key = Ed25519PrivateKey.generate()
        self.client_key = key.public_key()
        private(folder / "client.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        lines = {
            "name": '{ nl = "Waterdijk", en = "Waterdijk" }',
            "issuer": json.dumps(self.issuer),
            "client_id": json.dumps(CLIENT),
            "key_file": '"client.pem"',
            "officers": '"whole"',
            "amr": '["mfa"]',
            **more,
        }
        file = folder / "oidc.toml"
        file.write_text("[provider.waterdijk]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v))
        return file


def private(path: Path, content: bytes) -> Path:
    """A file that only its owner can read."""
    path.write_bytes(content)
    path.chmod(0o600)
    return path
