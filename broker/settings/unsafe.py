"""What must not start (promise P13): each combination with one sentence that says what to do."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from broker.errors import Words
from broker.settings.addresses import LOCAL, neutral, parts_of
from broker.settings.shape import Settings

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


def unsafe(settings: Settings, *, guarded: bool) -> list[Words]:
    """Everything that is; `guarded`: it was said where the log's guard is."""
    faults: list[Words] = []
    if parts_of(settings.public_url) is None:
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
    if not neutral(settings.exit_address):
        faults.append(
            Words(
                "BROKER_EXIT_ADDRESS is een adres van een ander, zoals https://www.knmi.nl/, zonder vraagteken of #.",
                "BROKER_EXIT_ADDRESS is an address of somebody else, such as https://www.knmi.nl/, without ? or #.",
            )
        )
    if settings.processes > 1 and settings.database_url.startswith("sqlite"):
        faults.append(
            Words(
                "SQLite is er voor één proces: zet BROKER_WORKERS op 1 en BROKER_BACKGROUND op inside, of neem PostgreSQL.",
                "SQLite is for one process: set BROKER_WORKERS to 1 and BROKER_BACKGROUND to inside, or take PostgreSQL.",
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
        parts = parts_of(settings.vault_address)
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
