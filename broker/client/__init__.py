"""The small client that organisations use: push, invite, ask; tokens are fetched when needed.

client = Client("https://broker.example", oin="00000099000000010000", key=ClientKey.read(path))
handover = client.push(body, sealed=True)
code = client.invite(handover["id"], person="mother")["code"]
release = client.as_professional("ab-12", "A. Bakker", "family-worker").ask(handover["id"], "coordination")

With `opens_with=[ClientSealingKey.read(path)]` what comes sealed to those keys is opened on arrival.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from broker.client.sealing import NotOpened, open_release, seal_body
from broker.crypto.assertions import make_assertion
from broker.crypto.client_keys import ClientKey, ClientSealingKey

__all__ = ["Client", "ClientKey", "ClientSealingKey", "NotOpened", "Refused", "open_release", "seal_body"]

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Refused(Exception):
    """The broker refused: `status`, and the problem document (RFC 9457) as it came."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"{status} {problem.get('title', problem.get('error', ''))}: {problem.get('detail', '')}")


@dataclass
class _Token:
    value: str = field(default="", repr=False)
    ends: float = 0.0


class Client:
    """One organisation, towards one broker. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        oin: str,
        key: ClientKey,
        *,
        opens_with: Sequence[ClientSealingKey] = (),
        language: str = "nl",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self.oin = oin
        self.opens_with = tuple(opens_with)
        self._key = key
        self._http = httpx.Client(
            base_url=self._url, timeout=30, headers={"Accept-Language": language}, transport=transport
        )
        self._token = _Token()

    def __enter__(self) -> "Client":
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def push(self, body: dict[str, Any], *, sealed: bool = False) -> dict[str, Any]:
        """Push a handover. The same body again answers as the first time. Raises Refused.

        With `sealed`, every section is sealed first, freshly: to be able to send it again, `seal` it yourself and keep
        what comes out.
        """
        return self._call("POST", "/v1/handovers", self.seal(body) if sealed else body)

    def dry_run(self, body: dict[str, Any], *, sealed: bool = False) -> dict[str, Any]:
        """What a push of this body would come to; nothing is kept. Raises Refused."""
        return self._call("POST", "/v1/handovers?dryRun=true", self.seal(body) if sealed else body)

    def seal(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with every section sealed to the broker's intake key of this moment. Raises Refused, and as `seal_body`."""
        try:
            intake = self._call("GET", "/v1/sealing-keys")["keys"][0]
        except (KeyError, IndexError, TypeError):
            raise Refused(200, {"detail": "This broker names no key to seal to."}) from None
        return seal_body(body, self.oin, intake)

    def handover(self, handover: str) -> dict[str, Any]:
        """Its state per section, and who has answered."""
        return self._call("GET", f"/v1/handovers/{handover}")

    def handovers(self, box: str = "received", after: str = "") -> dict[str, Any]:
        """A page of what was sent or received."""
        return self._call("GET", f"/v1/handovers?box={box}&after={after}")

    def correct(self, handover: str, body: dict[str, Any]) -> dict[str, Any]:
        """Put a whole new version in its place; who received the old one is told. Raises Refused."""
        return self._call("POST", f"/v1/handovers/{handover}/versions", body)

    def events(self, after: str = "") -> dict[str, Any]:
        """What the organisation should know since that event: corrected, withdrawn, erased, stop using."""
        return self._call("GET", f"/v1/events?after={after}")

    def withdraw(self, handover: str) -> None:
        """End it for good."""
        self._call("DELETE", f"/v1/handovers/{handover}")

    def invite(self, handover: str, person: str, delivery: str = "paper") -> dict[str, Any]:
        """Invite one person to answer."""
        return self._call("POST", f"/v1/handovers/{handover}/invitations", {"person": person, "delivery": delivery})

    def sheet(self, handover: str, person: str) -> str:
        """Invite one person; returns the sheet to print and hand over, as HTML. It holds the code. Raises Refused."""
        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "text/html"}
        body = {"person": person, "delivery": "paper"}
        response = self._http.post(f"/v1/handovers/{handover}/invitations", json=body, headers=headers)
        if not response.is_success:
            _read(response)
        return response.text

    def as_professional(self, identity: str, name: str, role: str) -> "Professional":
        """Somebody who works here, whom the organisation vouches for."""
        return Professional(self, {"sub": identity, "name": name, "role": role})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.send(method, path, self._bearer(), body)

    def _bearer(self) -> str:
        if time.time() > self._token.ends:
            assertion = self.assertion({"sub": self.oin})
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION,
                "client_assertion": assertion,
            }
            self._token = self.fetch_token(form)
        return self._token.value

    def assertion(self, claims: dict[str, Any]) -> str:
        """A signed assertion for the token endpoint."""
        return make_assertion(self._key.private, self._key.kid, {"iss": self.oin, "aud": self._url, **claims})

    def fetch_token(self, form: dict[str, str]) -> _Token:
        """Ask the token endpoint. Raises Refused."""
        response = self._http.post("/oauth/token", data=form)
        answer = _read(response)
        try:
            return _Token(answer["access_token"], time.time() + answer["expires_in"] - 30)
        except (KeyError, TypeError):
            raise Refused(response.status_code, {"detail": "There is no broker at this address."}) from None

    def send(self, method: str, path: str, token: str, body: Any = None) -> dict[str, Any]:
        """One call with a token. Raises Refused."""
        return _read(self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"}))


class Professional:
    """A professional of an organisation."""

    def __init__(self, client: Client, claims: dict[str, str]) -> None:
        self._client = client
        self._claims = claims
        self._token = _Token()

    def ask(self, handover: str, purpose: str, sections: list[str] | None = None) -> dict[str, Any]:
        """Ask for a release. Raises Refused with the reasons when nothing is released.

        What comes sealed is opened when the client has the key for it. Raises NotOpened.
        """
        body: dict[str, Any] = {"handover": handover, "purpose": purpose}
        if sections is not None:
            body["sections"] = sections
        release = self._call("POST", "/v1/releases", body)
        mine = self._client.opens_with
        return open_release(release, self._client.oin, mine) if mine else release

    def status(self, release: str) -> dict[str, Any]:
        """Whether what was released may still be used as it was."""
        return self._call("GET", f"/v1/releases/{release}")

    def acknowledge(self, release: str) -> None:
        """Say that it was read and taken over."""
        self._call("POST", f"/v1/releases/{release}/acknowledgement")

    def search(self, bsn: str) -> dict[str, Any]:
        """What is open about a person."""
        return self._call("POST", "/v1/subjects/_search", {"identifier": {"system": "bsn", "value": bsn}})

    def received(self, after: str = "") -> dict[str, Any]:
        """What is open to this role."""
        return self._call("GET", f"/v1/handovers?box=received&after={after}")

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self._client.send(method, path, self.token(), body)

    def token(self) -> str:
        """A valid access token."""
        if time.time() > self._token.ends:
            form = {"grant_type": _BEARER, "assertion": self._client.assertion(dict(self._claims))}
            self._token = self._client.fetch_token(form)
        return self._token.value


def _read(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == 204:
        return {}
    try:
        answer = response.json()
    except ValueError:
        answer = None
    document: dict[str, Any] = answer if isinstance(answer, dict) else {}
    if not response.is_success:
        raise Refused(response.status_code, document)
    return document
