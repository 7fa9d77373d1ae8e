"""The client that organisations use: every operation of the API, typed; tokens are fetched and renewed by themselves.

client = Client("https://broker.example", oin="00000099000000010000", key=ClientKey.read(path))
handover = client.push(body, sealed=True)
code = client.invite(handover["id"], person="mother")["code"]
release = client.as_professional("ab-12", "A. Bakker", "family-worker").ask(handover["id"], "coordination")

What comes back is described in `broker.client.answers`. Whatever goes wrong is a `ClientError`: `Refused` by the broker,
`Unreachable`, or `NotOpened`. With `opens_with=[ClientSealingKey.read(path)]` what comes sealed to those keys is opened.
"""

from broker.client import answers
from broker.client.callers import Client, Professional
from broker.client.errors import ClientError, Refused, Unreachable
from broker.client.sealing import NotOpened, open_release, seal_body
from broker.crypto.client_keys import ClientKey, ClientSealingKey

__all__ = [
    "Client",
    "ClientError",
    "ClientKey",
    "ClientSealingKey",
    "NotOpened",
    "Professional",
    "Refused",
    "Unreachable",
    "answers",
    "open_release",
    "seal_body",
]
