"""The settings: read once from the environment or a file, checked together, and frozen. No secret has a default.

Unsafe combinations are refused before anything starts (promise P13): each fault says what to do.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import limits

from broker.domain.calendar import Period
from broker.domain.rates import Rate
from broker.errors import Unsafe, Words

DATABASE = "sqlite:///var/broker.db"
EXIT = "https://www.knmi.nl/"
"""Where who leaves the family's pages in a hurry goes: the weather."""
_TAKEN = (
    *("authorization", "dpop", "cookie", "host", "forwarded", "x-forwarded-for", "x-forwarded-proto", "content-type"),
    *("content-length", "transfer-encoding", "connection", "origin", "accept", "accept-language", "user-agent"),
)
"""Headers that say something else."""
_PRIVATE = tuple(
    map(
        ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")
    )
)
RATE_ORGANISATION, RATE_ONE = Rate(3000, 60), Rate(120, 3600)
MOST_CALLS, DAY = 1_000_000_000, 86_400
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. See `deploy/settings.env.example`."""

    database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    keys: Path
    policies: Path
    public_url: str
    outbox: str = field(repr=False)
    log_guard: Path
    mode: Literal["production", "demo"]
    clock_offset: timedelta
    host: str
    port: int
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin_file: Path | None = None
    vault_address: str = ""
    vault_token_file: Path | None = None
    vault_mount: str = "transit"
    vault_ca_file: Path | None = None
    witnesses: Path | None = None
    oidc: Path | None = None
    agreement: Literal["officers", "folder"] = "officers"
    theme: Path | None = None
    audio: Path | None = None
    exit_address: str = EXIT
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    forwarded_allow_ips: str = "127.0.0.1"
    client_certificate_header: str = ""
    client_certificate_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    rate_organisation: Rate = RATE_ORGANISATION
    rate_one: Rate = RATE_ONE

    @property
    def local(self) -> bool:
        """Whether the public address is on this machine."""
        parts = _parts(self.public_url)
        return parts is not None and parts.hostname in LOCAL

    @property
    def secure(self) -> bool:
        """Whether people come in over TLS."""
        return self.public_url.startswith("https://")

    @property
    def log_address(self) -> str:
        """Where the log's public side is; without its scheme this is the log's name (C2SP tlog-checkpoint)."""
        return f"{self.public_url}/v1/log"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; with `BROKER_SETTINGS` naming a file, its lines stand below the environment's own.

    Raises Unsafe with one sentence per fault.
    """
    given = _given(environment)
    faults: list[Words] = []
    mode = given.get("BROKER_MODE", "production")
    if mode not in ("production", "demo"):
        faults.append(Words("BROKER_MODE is production of demo.", "BROKER_MODE is production or demo."))
    settings = Settings(
        database_url=given.get("BROKER_DATABASE_URL", DATABASE),
        owner_database_url=given.get("BROKER_OWNER_DATABASE_URL", ""),
        keys=Path(given.get("BROKER_KEYS", "keys")),
        policies=Path(given.get("BROKER_POLICIES", "policies")),
        public_url=given.get("BROKER_PUBLIC_URL", "http://localhost:8080").rstrip("/"),
        outbox=given.get("BROKER_OUTBOX", "file:var/outbox" if mode == "demo" else ""),
        log_guard=_log_guard(given),
        mode="demo" if mode == "demo" else "production",
        clock_offset=_offset(given.get("BROKER_CLOCK_OFFSET", ""), faults),
        host=given.get("BROKER_HOST", "127.0.0.1"),
        port=_port(given.get("BROKER_PORT", "8080"), faults),
        pkcs11_module=_path(given.get("BROKER_PKCS11_MODULE", "")),
        pkcs11_token=given.get("BROKER_PKCS11_TOKEN", ""),
        pkcs11_pin_file=_path(given.get("BROKER_PKCS11_PIN_FILE", "")),
        vault_address=given.get("BROKER_VAULT_ADDRESS", "").rstrip("/"),
        vault_token_file=_path(given.get("BROKER_VAULT_TOKEN_FILE", "")),
        vault_mount=given.get("BROKER_VAULT_MOUNT", "transit"),
        vault_ca_file=_path(given.get("BROKER_VAULT_CA_FILE", "")),
        witnesses=_path(given.get("BROKER_WITNESSES", "")),
        oidc=_path(given.get("BROKER_OIDC", "")),
        audio=_path(given.get("BROKER_AUDIO", "")),
        exit_address=given.get("BROKER_EXIT_ADDRESS", EXIT),
        agreement="folder" if given.get("BROKER_AGREEMENT", "officers") == "folder" else "officers",
        theme=_path(given.get("BROKER_THEME", "")),
        private_networks=_networks("BROKER_PRIVATE_NETWORKS", given, faults),
        forwarded_allow_ips=given.get("FORWARDED_ALLOW_IPS", "127.0.0.1"),
        client_certificate_header=given.get("BROKER_CLIENT_CERTIFICATE_HEADER", ""),
        client_certificate_proxies=_networks("BROKER_CLIENT_CERTIFICATE_PROXIES", given, faults),
        rate_organisation=_rate(
            given.get("BROKER_RATE_ORGANISATION", ""), "BROKER_RATE_ORGANISATION", RATE_ORGANISATION, faults
        ),
        rate_one=_rate(given.get("BROKER_RATE_ONE", ""), "BROKER_RATE_ONE", RATE_ONE, faults),
    )
    if given.get("BROKER_AGREEMENT", "officers") not in ("officers", "folder"):
        faults.append(Words("BROKER_AGREEMENT is officers of folder.", "BROKER_AGREEMENT is officers or folder."))
    faults += _unsafe(settings, guarded=bool(given.get("BROKER_LOG_GUARD")))
    if faults:
        raise Unsafe(Words(" ".join(f.nl for f in faults), " ".join(f.en for f in faults)))
    return settings


def keys_directory() -> Path:
    """Where the keys are, for commands that need nothing else."""
    return Path(_given().get("BROKER_KEYS", "keys"))


def policies_directory() -> Path:
    """Where the agreement is, for commands that need nothing else."""
    return Path(_given().get("BROKER_POLICIES", "policies"))


def audio_directory() -> Path | None:
    """Where the recordings are, for commands that need nothing else; None when there are none."""
    return _path(_given().get("BROKER_AUDIO", ""))


def database_addresses() -> tuple[str, str]:
    """(the database as its owner, the database as the broker's role or empty), for `broker db upgrade`."""
    given = _given()
    address = given.get("BROKER_DATABASE_URL", DATABASE)
    owner = given.get("BROKER_OWNER_DATABASE_URL", "")
    return (owner, address) if owner else (address, "")


def _given(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What was set: the environment, above the lines of the file that `BROKER_SETTINGS` names."""
    given = dict(os.environ if environment is None else environment)
    if "BROKER_SETTINGS" in given:
        given = {**_read_file(Path(given["BROKER_SETTINGS"])), **given}
    return given


def _read_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise Unsafe(
            Words(
                "Het bestand dat BROKER_SETTINGS noemt, is niet te lezen.",
                "The file that BROKER_SETTINGS names cannot be read.",
            )
        ) from None
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _log_guard(given: Mapping[str, str]) -> Path:
    """The guard's file; where none is set (only a demonstration may) beside an embedded database."""
    address = given.get("BROKER_DATABASE_URL", DATABASE)
    beside = Path(address.partition(":///")[2]).parent if address.startswith("sqlite") else Path("var")
    return Path(given.get("BROKER_LOG_GUARD") or beside / "log-guard")


def _offset(text: str, faults: list[Words]) -> timedelta:
    if not text:
        return timedelta()
    try:
        today = date.today()  # noqa: DTZ011 - only the length of the period counts
        return Period.parse(text).after(today) - today
    except (ValueError, OverflowError):
        faults.append(
            Words("BROKER_CLOCK_OFFSET is een periode zoals P6M1D.", "BROKER_CLOCK_OFFSET is a period such as P6M1D.")
        )
        return timedelta()


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _networks(name: str, given: Mapping[str, str], faults: list[Words]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part) for part in given.get(name, "").replace(",", " ").split())
    except ValueError:
        faults.append(
            Words(
                f"{name} is een rij netwerken zoals 10.20.0.0/16, met een spatie ertussen.",
                f"{name} is a list of networks such as 10.20.0.0/16, with a space in between.",
            )
        )
        return ()


def _rate(text: str, name: str, otherwise: Rate, faults: list[Words]) -> Rate:
    """One rate, in the writing of the `limits` library."""
    if not text:
        return otherwise
    with contextlib.suppress(ValueError):
        found = limits.parse_many(text)
        if len(found) == 1 and 0 < found[0].amount <= MOST_CALLS and found[0].get_expiry() <= DAY:
            return Rate(found[0].amount, found[0].get_expiry())
    faults.append(
        Words(
            f"{name} is een aantal per tijd, boven nul en per hoogstens een dag, zoals 3000/minute.",
            f"{name} is a number per time, above zero and per a day at most, such as 3000/minute.",
        )
    )
    return otherwise


def _port(text: str, faults: list[Words]) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536:
        return int(text)
    faults.append(Words("BROKER_PORT is een getal onder 65536.", "BROKER_PORT is a number below 65536."))
    return 8080


def _parts(address: str) -> SplitResult | None:
    """A public address taken apart: scheme, host and port, and nothing else; None for any other."""
    try:
        parts = urlsplit(address)
        whole = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return None
    plain = address.lower().replace("[", "").replace("]", "")
    return parts if parts.scheme in ("http", "https") and parts.hostname and plain == whole else None


def safe_address(address: str) -> bool:
    """Whether an address, which may have a path, begins with https, or is on this machine."""
    try:
        parts = urlsplit(address)
        plain = parts.hostname and parts.username is None and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return bool(plain) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))


def _neutral(address: str) -> bool:
    """Whether an address can stand in a header and a page, and says nothing by itself: https, a host, at most a path."""
    plain = re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", address)
    return plain is not None and safe_address(address)


def _unsafe(settings: Settings, *, guarded: bool) -> list[Words]:
    faults: list[Words] = []
    if _parts(settings.public_url) is None:
        faults.append(
            Words(
                "BROKER_PUBLIC_URL is een adres zoals https://toestemming.example, zonder pad.",
                "BROKER_PUBLIC_URL is an address such as https://consent.example, without a path.",
            )
        )
    elif not settings.secure and not settings.local:
        faults.append(
            Words(
                "BROKER_PUBLIC_URL moet met https:// beginnen, behalve op localhost.",
                "BROKER_PUBLIC_URL must begin with https://, except on localhost.",
            )
        )
    if settings.mode == "demo" and not (settings.local and settings.host in LOCAL):
        faults.append(
            Words(
                "Een demo draait alleen op localhost: zet BROKER_HOST en BROKER_PUBLIC_URL daarop.",
                "A demo only runs on localhost: set BROKER_HOST and BROKER_PUBLIC_URL to it.",
            )
        )
    if settings.audio is not None and not settings.audio.is_dir():
        faults.append(Words("BROKER_AUDIO is geen map.", "BROKER_AUDIO is not a directory."))
    if not _neutral(settings.exit_address):
        faults.append(
            Words(
                "BROKER_EXIT_ADDRESS is een adres van een ander, zoals https://www.knmi.nl/, zonder vraagteken of #.",
                "BROKER_EXIT_ADDRESS is an address of somebody else, such as https://www.knmi.nl/, without ? or #.",
            )
        )
    faults += _unsafe_stores(settings)
    faults += _unsafe_proxies(settings)
    if settings.mode == "production":
        faults += _unsafe_in_production(settings)
        if not guarded:
            faults.append(
                Words(
                    "Zet BROKER_LOG_GUARD op een bestand dat niet met de database wordt teruggezet.",
                    "Set BROKER_LOG_GUARD to a file that is not put back together with the database.",
                )
            )
    return faults


def _unsafe_stores(settings: Settings) -> list[Words]:
    """What is wrong with where wrapping keys may live."""
    faults = []
    token = (settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file)
    if any(token) and not all(token):
        faults.append(
            Words(
                "Zet BROKER_PKCS11_MODULE, BROKER_PKCS11_TOKEN en BROKER_PKCS11_PIN_FILE alle drie, of geen.",
                "Set BROKER_PKCS11_MODULE, BROKER_PKCS11_TOKEN and BROKER_PKCS11_PIN_FILE all three, or none.",
            )
        )
    if bool(settings.vault_address) != bool(settings.vault_token_file):
        faults.append(
            Words(
                "Zet BROKER_VAULT_ADDRESS en BROKER_VAULT_TOKEN_FILE allebei, of geen.",
                "Set BROKER_VAULT_ADDRESS and BROKER_VAULT_TOKEN_FILE both, or none.",
            )
        )
    if settings.vault_address:
        parts = _parts(settings.vault_address)
        if parts is None or (parts.scheme != "https" and parts.hostname not in LOCAL):
            faults.append(
                Words(
                    "BROKER_VAULT_ADDRESS is een adres zoals https://vault.example:8200, zonder pad en zonder geheim; "
                    "http:// mag alleen op localhost.",
                    "BROKER_VAULT_ADDRESS is an address such as https://vault.example:8200, without a path and without "
                    "a secret; http:// is for localhost only.",
                )
            )
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", settings.vault_mount):
        faults.append(
            Words("BROKER_VAULT_MOUNT is een pad zoals transit.", "BROKER_VAULT_MOUNT is a path such as transit.")
        )
    return faults


def _unsafe_proxies(settings: Settings) -> list[Words]:
    """What is wrong with whose word is taken for a client's certificate."""
    header, proxies = settings.client_certificate_header, settings.client_certificate_proxies
    faults = []
    if bool(header) != bool(proxies):
        faults.append(
            Words(
                "Zet BROKER_CLIENT_CERTIFICATE_HEADER en BROKER_CLIENT_CERTIFICATE_PROXIES allebei, of geen.",
                "Set BROKER_CLIENT_CERTIFICATE_HEADER and BROKER_CLIENT_CERTIFICATE_PROXIES both, or none.",
            )
        )
    if header and (not re.fullmatch(r"[A-Za-z0-9-]{1,64}", header) or header.lower() in _TAKEN):
        faults.append(
            Words(
                "BROKER_CLIENT_CERTIFICATE_HEADER is de naam van een eigen header, zoals Client-Cert.",
                "BROKER_CLIENT_CERTIFICATE_HEADER is the name of a header of its own, such as Client-Cert.",
            )
        )
    if not all(proxy.num_addresses == 1 or _inside(proxy) for proxy in proxies):
        faults.append(
            Words(
                "BROKER_CLIENT_CERTIFICATE_PROXIES noemt alleen uw eigen proxy's: één adres elk, of een privénetwerk.",
                "BROKER_CLIENT_CERTIFICATE_PROXIES names only your own proxies: one address each, or a private network.",
            )
        )
    return faults


def _inside(network: IPv4Network | IPv6Network) -> bool:
    """Whether a network is private as a whole; `is_private` looks at its two ends only."""
    return any(
        network.subnet_of(there)  # type: ignore[arg-type] # of the same version
        for there in _PRIVATE
        if there.version == network.version
    )


def _unsafe_in_production(settings: Settings) -> list[Words]:
    faults = []
    if settings.clock_offset:
        faults.append(
            Words("BROKER_CLOCK_OFFSET mag alleen in een demo.", "BROKER_CLOCK_OFFSET is for demonstrations only.")
        )
    if not settings.outbox:
        faults.append(
            Words(
                "Zet BROKER_OUTBOX: zonder kan niemand een eenmalige code krijgen.",
                "Set BROKER_OUTBOX: without it nobody can get a one-time code.",
            )
        )
    if settings.outbox == "console:":
        faults.append(
            Words(
                "BROKER_OUTBOX=console: mag alleen in een demo.", "BROKER_OUTBOX=console: is for demonstrations only."
            )
        )
    return faults
