"""Settings become what a broker reaches out with: stores of keys, identity providers, witnesses. Unsafe ones are refused."""

import time
from ipaddress import ip_network

from broker.crypto.hsm import Pkcs11Settings, Pkcs11Store
from broker.crypto.keyring import Keyring
from broker.crypto.openid import OpenIdConnect
from broker.crypto.providers import Providers, read_providers
from broker.crypto.transit import TransitStore, VaultSettings
from broker.crypto.wrapping import RemoteStore, Stores
from broker.domain.keys import KeyStore
from broker.errors import Unsafe, Words
from broker.notifications.outside import Outside, fetch
from broker.notifications.witnesses import post
from broker.services.login_providers import LoginProviders
from broker.settings import Settings, safe_address
from broker.transparency.cosigning import Said
from broker.transparency.policies import WitnessPolicy, read_policy


def check_keys(settings: Settings, keyring: Keyring) -> None:
    """Raises Unsafe for demonstration keys outside a demonstration (promise P13)."""
    if keyring.demo and settings.mode != "demo":
        raise Unsafe(
            Words(
                "Dit zijn sleutels van een demo. Maak eigen sleutels met: broker keys init",
                "These are keys of a demonstration. Make your own with: broker keys init",
            )
        )


def key_stores(settings: Settings) -> Stores:
    """The stores of wrapping keys that are set; nothing is connected yet. Raises Unsafe for one that is not installed."""
    stores: dict[KeyStore, RemoteStore] = {}
    if settings.pkcs11_module is not None and settings.pkcs11_pin_file is not None:
        token = Pkcs11Settings(settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file)
        stores[KeyStore.PKCS11] = Pkcs11Store(token)
    if settings.vault_address and settings.vault_token_file is not None:
        engine = VaultSettings(
            settings.vault_address, settings.vault_token_file, settings.vault_mount, settings.vault_ca_file
        )
        stores[KeyStore.VAULT] = TransitStore(engine)
    return stores


def login_providers(settings: Settings) -> LoginProviders:
    """Whom officers may sign in with besides a passkey. Raises Unsafe for a file that is not safe (promise P13)."""
    demo = settings.mode == "demo"
    known = read_providers(settings.oidc, demo=demo) if settings.oidc is not None else Providers()
    openid = OpenIdConnect(known.proofs)
    return LoginProviders(known.providers, openid, fetch, time.monotonic, settings.public_url)


def witness_policy(settings: Settings, origin: str) -> WitnessPolicy | None:
    """Who is asked to cosign. Raises Unsafe for a file that is not right, or with which nobody could be asked."""
    if settings.witnesses is None:
        return None
    policy = read_policy(settings.witnesses)
    if policy.logs and origin not in policy.logs:
        raise Unsafe(
            Words(
                "Het bestand van BROKER_WITNESSES noemt een ander logboek dan dat van deze broker.",
                "The file of BROKER_WITNESSES names another log than this broker's.",
            )
        )
    if not all(safe_address(witness.url) for witness in policy.witnesses):
        raise Unsafe(
            Words(
                "In het bestand van BROKER_WITNESSES heeft elke getuige een adres dat met https:// begint.",
                "In the file of BROKER_WITNESSES every witness has an address that begins with https://.",
            )
        )
    return policy


async def to_witness(url: str, text: str) -> Said:
    """Hand a checkpoint over, and hear what the witness says."""
    return Said(*await post(url, text))


def outside_of(settings: Settings) -> Outside:
    """Calls to addresses of partners: no private network but those that the operator opened, and in a demonstration this machine."""
    if settings.mode == "demo":
        return Outside((*settings.private_networks, *map(ip_network, ("127.0.0.0/8", "::1/128"))), plain=True)
    return Outside(settings.private_networks)
