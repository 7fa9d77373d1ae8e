"""The HTTP API of HashiCorp Vault's transit engine, as far as a broker uses it: a real server on localhost, in a thread.

Written from HashiCorp's documentation ("Transit secrets engine (API)", "HTTP API": errors and status codes): keys with
versions, encrypt and decrypt with associated data, rotate, configuration, trim; tokens, rights, a sealed Vault.
"""

import base64
import binascii
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.a-token-for-tests"


class Refusal(Exception):
    """An HTTP status with Vault's list of errors."""

    def __init__(self, status: int, *errors: str) -> None:
        self.status, self.errors = status, list(errors)
        super().__init__(status)


@dataclass
class TransitKey:
    """One named key: its versions from 1 on, and what its configuration allows."""

    kind: str = "aes256-gcm96"
    exportable: bool = False
    versions: dict[int, bytes] = field(default_factory=lambda: {1: secrets.token_bytes(32)})
    min_decryption: int = 1
    min_encryption: int = 0
    min_available: int = 0

    @property
    def latest(self) -> int:
        return max(self.versions)

    def described(self, name: str) -> dict[str, Any]:
        shown = {str(v): 1700000000 + v for v in self.versions if v >= self.min_decryption}
        return {
            "name": name,
            "type": self.kind,
            "derived": False,
            "exportable": self.exportable,
            "allow_plaintext_backup": False,
            "deletion_allowed": False,
            "keys": shown,
            "latest_version": self.latest,
            "min_available_version": self.min_available,
            "min_decryption_version": self.min_decryption,
            "min_encryption_version": self.min_encryption,
        }


@dataclass
class VaultSimulator:
    """A Vault whose state a test may change while it runs. `requests` holds (method, path) of what came in."""

    address: str = ""
    mount: str = "transit"
    token: str = TOKEN
    sealed: bool = False
    forbidden: str = "nothing"
    """A regular expression of paths that the token may not use."""
    delay: float = 0.0
    keys: dict[str, TransitKey] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The `data` of an answer, or None for 204. Raises Refusal."""
        self.requests.append((method, path))
        if path == "/v1/sys/seal-status":
            return {"sealed": self.sealed, "initialized": True}
        if self.sealed:
            raise Refusal(503, "Vault is sealed")
        if token != self.token or re.search(self.forbidden, path):
            raise Refusal(403, "permission denied")
        found = re.fullmatch(rf"/v1/{self.mount}/(keys|encrypt|decrypt)/([\w-]+)(?:/(rotate|config|trim))?", path)
        if not found:
            raise Refusal(404)
        what, name, more = found.groups()
        with self.lock:
            if what == "keys":
                return self._keys(method, name, more, body)
            return self._encrypt(name, body) if what == "encrypt" else self._decrypt(name, body)

    def _keys(self, method: str, name: str, more: str | None, body: dict[str, Any]) -> dict[str, Any] | None:
        key = self.keys.get(name)
        if more is None and method != "GET":
            if key is None:
                self.keys[name] = key = TransitKey(body.get("type", "aes256-gcm96"), bool(body.get("exportable")))
            return key.described(name)
        if key is None:
            if method == "GET":
                raise Refusal(404)
            raise Refusal(400, "no existing key named " + name + " could be found")
        if more == "rotate":
            key.versions[key.latest + 1] = secrets.token_bytes(32)
        elif more == "config":
            self._configure(key, body)
        elif more == "trim":
            self._trim(key, body)
        return key.described(name)

    def _configure(self, key: TransitKey, body: dict[str, Any]) -> None:
        decryption = int(body.get("min_decryption_version", key.min_decryption)) or 1
        encryption = int(body.get("min_encryption_version", key.min_encryption))
        if decryption > key.latest:
            raise Refusal(400, f"cannot set min decryption version of {decryption}, latest key version is {key.latest}")
        if encryption > key.latest:
            raise Refusal(400, f"cannot set min encryption version of {encryption}, latest key version is {key.latest}")
        if 0 < encryption < decryption:
            raise Refusal(400, "cannot set min encryption/decryption values; min encryption must be the larger")
        if decryption < key.min_available:
            raise Refusal(400, "min decryption version should not be less than min available version")
        key.min_decryption, key.min_encryption = decryption, encryption

    def _trim(self, key: TransitKey, body: dict[str, Any]) -> None:
        wanted = int(body.get("min_available_version", 0))
        if wanted < key.min_available:
            raise Refusal(400, "minimum available version cannot be decremented")
        if key.min_encryption == 0 or wanted > key.min_encryption or wanted > key.min_decryption or wanted < 1:
            raise Refusal(400, "minimum available version does not fit the minimum versions in use")
        key.min_available = wanted
        key.versions = {version: raw for version, raw in key.versions.items() if version >= wanted}

    def _encrypt(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        key = self.keys.get(name)
        if key is None:
            raise Refusal(400, "encryption key not found")
        version = int(body.get("key_version", 0)) or key.latest
        if version > key.latest:
            raise Refusal(400, "requested version for encryption is higher than the latest key version")
        if version < key.min_encryption or version not in key.versions:
            raise Refusal(400, "requested version for encryption is less than the minimum encryption key version")
        clear, bound_to = _decoded(body, "plaintext"), _decoded(body, "associated_data")
        nonce = secrets.token_bytes(12)
        sealed = nonce + AESGCM(key.versions[version]).encrypt(nonce, clear, bound_to)
        return {"ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}", "key_version": version}

    def _decrypt(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        key = self.keys.get(name)
        if key is None:
            raise Refusal(400, "encryption key not found")
        found = re.fullmatch(r"vault:v([1-9][0-9]*):(\S*)", str(body.get("ciphertext", "")))
        if found is None:
            raise Refusal(400, "invalid ciphertext: no prefix")
        version = int(found[1])
        if version > key.latest:
            raise Refusal(400, "invalid ciphertext: version is too new")
        if version < key.min_decryption or version not in key.versions:
            raise Refusal(400, "ciphertext or signature version is disallowed by policy (too old)")
        try:
            sealed = base64.b64decode(found[2], validate=True)
            clear = AESGCM(key.versions[version]).decrypt(sealed[:12], sealed[12:], _decoded(body, "associated_data"))
        except (InvalidTag, ValueError, binascii.Error):
            raise Refusal(400, "cipher: message authentication failed") from None
        return {"plaintext": base64.b64encode(clear).decode()}


def _decoded(body: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(str(body.get(name, "")), validate=True)
    except (ValueError, binascii.Error):
        raise Refusal(400, f"failed to base64-decode {name}") from None


@contextmanager
def running_vault() -> Iterator[VaultSimulator]:
    """A Vault on a port of its own, until the end of the block."""
    vault = VaultSimulator()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            time.sleep(vault.delay)
            try:
                data = vault.answer(
                    self.command, self.path, self.headers.get("X-Vault-Token", ""), json.loads(raw or b"{}")
                )
                status, document = (204, None) if data is None else (200, {"request_id": "1", "data": data})
            except Refusal as refusal:
                status, document = refusal.status, {"errors": refusal.errors}
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = respond  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vault.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
