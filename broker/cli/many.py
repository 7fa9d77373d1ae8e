"""`broker demo organisations` and `broker demo families`: partners and families by the hundred, for a demonstration only.

A broker that is no demonstration gets none of them: its settings are looked at, and over HTTP what it says of itself.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import httpx
import typer

from broker.cli.families.making import MadeFamily, demo_organisations, make_families
from broker.cli.running import use
from broker.cli.stage import today
from broker.cli.towards import towards
from broker.client import ClientKey
from broker.domain.parties import Oin, Organisation
from broker.errors import Conflict, Invalid, Unavailable, Words
from broker.settings import read_settings
from broker.whole import Broker


def organisations(
    folder: Annotated[Path, typer.Argument(help="Where their keys are, or come to be.")],
) -> None:
    """Let the test organisations take part in the demo broker of these settings; their private keys lie in the folder."""
    if read_settings().mode != "demo":
        raise Conflict(_NO_DEMO)
    found = demo_organisations()
    keys = {each["oin"]: _key(folder, each["oin"]) for each in found}

    async def add(broker: Broker) -> None:
        for each in found:
            partner = Organisation(Oin(each["oin"]), each["name"], each["kind"])
            await broker.partners.add(partner, [keys[each["oin"]].public_jwk()])

    use(add)
    typer.echo(f"{len(found)} test organisations take part. Their keys: {folder}")


def families(
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same families, on the same day.")] = 1,
    to: Annotated[Path | None, typer.Option(help="Write each as a file, in a folder of its sender in here.")] = None,
    url: Annotated[str, typer.Option(help="Instead: push them to the demo broker at this address.")] = "",
    keys: Annotated[
        Path | None, typer.Option(help="With --url: the folder that `broker demo organisations` filled.")
    ] = None,
    day: Annotated[str, typer.Option(help="The day that ages count from; today without it.")] = "",
) -> None:
    """Make synthetic families with ages around the days that count: as files, or pushed at once to a demo broker."""
    if (to is None) == (not url) or bool(url) != (keys is not None):
        raise Invalid.at(
            "/to",
            "Kies --to MAP, of --url ADRES met --keys MAP.",
            "Choose --to FOLDER, or --url ADDRESS with --keys FOLDER. Nothing was made.",
        )
    made = make_families(count, seed, _day(day))
    if to is not None:
        _write(made, to)
        typer.echo(f"{count} families are in {to}.")
    elif keys is not None:
        _check_demo(url)
        _push(list(made), url, keys)
        typer.echo(f"{count} families were pushed.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else today()
    except ValueError:
        raise Invalid.at("/day", "Schrijf een dag als 2027-01-31.", "Write a day such as 2027-01-31.") from None


def _key(folder: Path, oin: str) -> ClientKey:
    """The key of a test organisation in the folder; made when it is not there. Raises Invalid."""
    path = folder / f"{oin}.jwk.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            ClientKey.new().write(path)
        return ClientKey.read(path)
    except (OSError, ValueError):
        raise Invalid.at(
            "/folder", "In deze map kunnen geen sleutels staan.", "No keys can be kept in this folder. Choose another."
        ) from None


def _write(made: Iterator[MadeFamily], folder: Path) -> None:
    """Each in a new file. Raises Invalid when one is there already."""
    try:
        for family in made:
            path = folder / family.sender / family.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                json.dump(family.body, file, ensure_ascii=False, indent=1)
    except OSError:
        raise Invalid.at(
            "/to",
            "Hier staan al gezinnen, of hier kan niet worden geschreven.",
            "There are families here already, or nothing can be written here. Choose another folder.",
        ) from None


def _check_demo(url: str) -> None:
    """Raises Conflict unless the broker at this address says that it is a demonstration; Unavailable when nobody answers."""
    try:
        metadata = httpx.get(f"{url.rstrip('/')}/.well-known/oauth-authorization-server", timeout=20)
        said = metadata.json()
    except (httpx.HTTPError, httpx.InvalidURL):
        raise Unavailable(_NOBODY) from None
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.get("rondom_demo") is not True:
        raise Conflict(_NO_DEMO)


def _push(made: list[MadeFamily], url: str, keys: Path) -> None:
    """One after the other; what was pushed before answers as it did then."""
    for sender in sorted({family.sender for family in made}):
        mine = [family for family in made if family.sender == sender]
        label = f"{len(mine)} families of {sender}"
        with (
            towards(url, sender, keys / f"{sender}.jwk.json") as client,
            typer.progressbar(mine, label=label) as shown,
        ):
            for family in shown:
                client.push(family.body)


_NO_DEMO = Words(
    "Dit is geen demonstratie. Verzonnen gezinnen horen alleen daar (BROKER_MODE=demo). Er is niets gemaakt of verstuurd.",
    "This is no demonstration. Made-up families belong only there (BROKER_MODE=demo). Nothing was made or sent.",
)
_NOBODY = Words(
    "Op dit adres antwoordt geen broker. Er is niets verstuurd.",
    "No broker answers at this address. Check --url, and try again.",
)
