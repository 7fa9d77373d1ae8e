"""The settings: read once from the environment or a file, checked together, and frozen. No secret has a default.

Unsafe combinations are refused before anything starts (promise P13): each fault says what to do.
"""

import contextlib
import os
from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import limits

from broker.domain.calendar import Period
from broker.domain.rates import Rate
from broker.errors import Unsafe, Words
from broker.settings.addresses import LOCAL, safe_address
from broker.settings.shape import DATABASE, EXIT, RATE_ONE, RATE_ORGANISATION, Settings
from broker.settings.unsafe import unsafe

__all__ = [
    "LOCAL",
    "Settings",
    "audio_directory",
    "database_addresses",
    "keys_directory",
    "policies_directory",
    "read_settings",
    "safe_address",
]
MOST_CALLS, DAY = 1_000_000_000, 86_400
MOST_WORKERS = 64


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
        workers=_workers(given.get("BROKER_WORKERS", "1"), faults),
        background="apart" if given.get("BROKER_BACKGROUND") == "apart" else "inside",
        drain=_drain(given.get("BROKER_DRAIN", "0"), faults),
    )
    if given.get("BROKER_AGREEMENT", "officers") not in ("officers", "folder"):
        faults.append(Words("BROKER_AGREEMENT is officers of folder.", "BROKER_AGREEMENT is officers or folder."))
    if given.get("BROKER_BACKGROUND", "inside") not in ("inside", "apart"):
        faults.append(Words("BROKER_BACKGROUND is inside of apart.", "BROKER_BACKGROUND is inside or apart."))
    faults += unsafe(settings, guarded=bool(given.get("BROKER_LOG_GUARD")))
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


def _drain(text: str, faults: list[Words]) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 60:
        return int(text)
    faults.append(
        Words("BROKER_DRAIN is een aantal seconden, hoogstens 60.", "BROKER_DRAIN is a number of seconds, at most 60.")
    )
    return 0


def _workers(text: str, faults: list[Words]) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 2 and 0 < int(text) <= MOST_WORKERS:
        return int(text)
    faults.append(
        Words(
            f"BROKER_WORKERS is een aantal processen, van 1 tot en met {MOST_WORKERS}.",
            f"BROKER_WORKERS is a number of processes, from 1 to {MOST_WORKERS}.",
        )
    )
    return 1
