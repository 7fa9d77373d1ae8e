"""Every setting that there is, frozen."""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from broker.domain.rates import Rate
from broker.settings.addresses import LOCAL, parts_of

DATABASE = "sqlite:///var/broker.db"
EXIT = "https://www.knmi.nl/"
"""Where who leaves the family's pages in a hurry goes: the weather."""
RATE_ORGANISATION, RATE_ONE = Rate(3000, 60), Rate(120, 3600)


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
    workers: int = 1
    """Processes that serve, on this machine."""
    background: Literal["inside", "apart"] = "inside"
    """Whether what works in the background does so in the processes that serve, or in one of its own."""
    drain: int = 0
    """Seconds that it goes on serving after SIGTERM."""

    @property
    def processes(self) -> int:
        """How many there are on this machine, without a parent."""
        return self.workers + (self.background == "apart")

    @property
    def local(self) -> bool:
        """Whether the public address is on this machine."""
        parts = parts_of(self.public_url)
        return parts is not None and parts.hostname in LOCAL

    @property
    def secure(self) -> bool:
        """Whether people come in over TLS."""
        return self.public_url.startswith("https://")

    @property
    def log_address(self) -> str:
        """Where the log's public side is; without its scheme this is the log's name (C2SP tlog-checkpoint)."""
        return f"{self.public_url}/v1/log"
