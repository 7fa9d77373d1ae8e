"""`broker organisations` and `broker officers`: who takes part, and who watches."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.running import use
from broker.crypto.assertions import check_public_jwk
from broker.crypto.sealing import SealingPublicKey
from broker.domain.officers import OfficerRole
from broker.domain.parties import Oin, Organisation
from broker.domain.reachability import Reachability
from broker.errors import Invalid

organisations = typer.Typer(no_args_is_help=True, help="The partners in the agreement.")
officers = typer.Typer(no_args_is_help=True, help="The privacy officers.")


def _public_keys(path: Path) -> list[dict[str, Any]]:
    """The public keys in a JWK or JWKS file; of a private key only the public half. Raises Invalid."""
    try:
        document = json.loads(path.read_bytes())
        keys = document.get("keys", [document])
        public = [{name: value for name, value in key.items() if name != "d"} for key in keys]
        kids = [check_public_jwk(key) for key in public]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Invalid.at(
            "/key",
            "Geef een bestand met een publieke sleutel (JWK of JWKS) van Ed25519, P-256 of RSA, met een kid.",
            "Give a file with a public key (JWK or JWKS) of Ed25519, P-256 or RSA, with a kid.",
        ) from None
    if not public or len(set(kids)) != len(kids):
        raise Invalid.at("/key", "Elke kid mag één keer voorkomen.", "Each kid may stand once.")
    return public


def _sealing_key(path: Path) -> str:
    """The public sealing key of a file, also of one with the private half. Raises Invalid."""
    try:
        document = json.loads(path.read_bytes())
        public = {name: value for name, value in document.items() if name != "priv"}
        return json.dumps(SealingPublicKey.of_jwk(public).jwk(), sort_keys=True)
    except (OSError, ValueError, AttributeError):
        raise Invalid.at(
            "/sealing-key",
            "Geef een bestand met een publieke sleutel om te verzegelen. Maak er een met: broker client-keys",
            "Give a file with a public sealing key. Make one with: broker client-keys",
        ) from None


Website = Annotated[str | None, typer.Option(help="Where families read about it (https); stands on /partners.")]
Telephone = Annotated[str | None, typer.Option(help="For everybody.")]
Hours = Annotated[str | None, typer.Option(help="When somebody answers, in one line.")]
UrgentTelephone = Annotated[str | None, typer.Option(help="For what cannot wait.")]


@organisations.command("add")
def add(
    oin: Annotated[str, typer.Argument(help="Twenty digits.")],
    name: Annotated[str, typer.Argument(help="As families know it.")],
    kind: Annotated[str, typer.Argument(help="A word of the agreement, such as school.")],
    key: Annotated[Path | None, typer.Option(help="A JWK or JWKS file; only public keys are kept.")] = None,
    jwks_url: Annotated[
        str | None, typer.Option(help="Instead: where this partner publishes its keys (https), as a JWKS.")
    ] = None,
    sealing_key: Annotated[
        Path | None, typer.Option(help="A public sealing key (JWK): what this partner gets is sealed to it.")
    ] = None,
    no_sealing_key: Annotated[
        bool, typer.Option("--no-sealing-key", help="What it gets is in clear from now on, over TLS.")
    ] = False,
    bound_tokens: Annotated[
        bool, typer.Option("--bound-tokens", help="It gets only tokens that are bound to a key or a certificate.")
    ] = False,
    no_bound_tokens: Annotated[
        bool, typer.Option("--no-bound-tokens", help="From now on it may have tokens that are not bound.")
    ] = False,
    website: Website = None,
    telephone: Telephone = None,
    hours: Hours = None,
    urgent_telephone: UrgentTelephone = None,
    region: Annotated[
        str, typer.Option(help="The municipality or region that it works for; indicators count by it.")
    ] = "",
) -> None:
    """Add a partner, or replace what is known of it; its sealing key, bound tokens and how it is reached stay unless you say otherwise."""
    if (key is None) == (jwks_url is None):
        raise Invalid.at(
            "/key", "Geef --key of --jwks-url, een van de twee.", "Give --key or --jwks-url, one of the two."
        )
    keys = _public_keys(key) if key is not None else []
    if bound_tokens and no_bound_tokens:
        raise Invalid.at("/bound-tokens", "Kies een van de twee.", "Choose one of the two.")
    if sealing_key and no_sealing_key:
        raise Invalid.at("/sealing-key", "Kies een van de twee.", "Choose one of the two.")
    wanted = Organisation(
        Oin(oin),
        name,
        kind,
        sealing_key=_sealing_key(sealing_key) if sealing_key else None,
        jwks_url=jwks_url,
        bound_tokens=bound_tokens,
        reachability=Reachability(website or "", telephone or "", hours or "", urgent_telephone or ""),
        region=region,
    )
    added = use(lambda broker: broker.partners.add(wanted, keys, unsealed=no_sealing_key, unbound=no_bound_tokens))
    how = "what it gets is sealed to its key" if added.sealing_key else "what it gets is in clear, over TLS"
    typer.echo(f"Added, with {'keys at its address' if jwks_url else f'{len(keys)} key(s)'}; {how}.")


@organisations.command("change")
def change(
    oin: Annotated[str, typer.Argument(help="Twenty digits.")],
    website: Website = None,
    telephone: Telephone = None,
    hours: Hours = None,
    urgent_telephone: UrgentTelephone = None,
) -> None:
    """Change how a partner is reached, as /partners shows it; what you do not name stays, an empty text takes it away."""
    given = {"website": website, "telephone": telephone, "hours": hours, "urgent_telephone": urgent_telephone}
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        raise Invalid.at("/", "Noem iets wat verandert.", "Name something that changes.")
    use(lambda broker: broker.partners.reach(oin, lambda known: replace(known, **said)))
    typer.echo("Changed.")


@organisations.command("list")
def listed(as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False) -> None:
    """Show every partner."""
    found = use(lambda broker: broker.partners.all())
    if as_json:
        rows = [
            {
                "oin": o.oin,
                "name": o.name,
                "kind": o.kind,
                "suspended": o.suspended,
                "sealed": o.sealing_key is not None,
                "jwksUrl": o.jwks_url,
                "boundTokens": o.bound_tokens,
                "reachability": {
                    "website": o.reachability.website,
                    "telephone": o.reachability.telephone,
                    "hours": o.reachability.hours,
                    "urgentTelephone": o.reachability.urgent_telephone,
                },
                "region": o.region,
            }
            for o in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for o in found:
        marks = {
            "sealed": o.sealing_key,
            "keys at its address": o.jwks_url,
            "bound": o.bound_tokens,
            "suspended": o.suspended,
        }
        typer.echo(f"{o.oin}  {o.kind:<24} {o.name}{''.join(f'  ({mark})' for mark, set_ in marks.items() if set_)}")


@organisations.command("suspend")
def suspend(
    oin: Annotated[str, typer.Argument(help="Twenty digits.")],
    lift: Annotated[bool, typer.Option("--lift", help="Let it take part again.")] = False,
) -> None:
    """Stop a partner at once: no token works, nothing is released to it or from it."""
    use(lambda broker: broker.partners.suspend(oin, suspended=not lift))
    typer.echo("It takes part again." if lift else "It is suspended.")


@organisations.command("after-hours")
def after_hours(
    oin: Annotated[str, typer.Argument(help="Twenty digits.")],
    phone: Annotated[str, typer.Option(help="Answered at any hour, and gets text messages: +31612345678.")] = "",
    mail: Annotated[str | None, typer.Option(help="A mail address, beside it.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Nobody is told any more.")] = False,
) -> None:
    """Who at a partner is told when an urgent handover of theirs does not come through, at any hour; kept encrypted."""
    if nobody == bool(phone):
        raise Invalid.at(
            "/phone", "Geef --phone of --nobody, een van de twee.", "Give --phone or --nobody, one of the two."
        )
    use(lambda broker: broker.partners.call_after_hours(oin, phone, mail))
    typer.echo("Nobody is told." if nobody else "They get a text message when it does not come through.")


@officers.command("invite")
def invite(
    name: Annotated[str, typer.Argument(help="Who it is; kept encrypted.")],
    role: Annotated[OfficerRole, typer.Option(help="What they may do.")] = OfficerRole.OFFICER,
    organisation: Annotated[
        str, typer.Option(help="Twenty digits: the only organisation whose part they see, for an organisation-officer.")
    ] = "",
) -> None:
    """Invite a privacy officer; prints a code that works once, within seven days."""
    code = use(lambda broker: broker.oversight.invite(name, role, Oin(organisation) if organisation else None))
    typer.echo(f"invitation code {code}")


@officers.command("list")
def officers_listed() -> None:
    """Show every privacy officer, with their ids."""
    for officer in use(lambda broker: broker.oversight.officers_known()):
        state = "withdrawn" if officer.withdrawn else "let in" if officer.enrolled else "invited"
        for_whom = f"{officer.role.value}{f' of {officer.organisation}' if officer.organisation else ''}"
        typer.echo(f"{officer.id}  {state:<9}  {for_whom:<20}  {officer.name}")


@officers.command("withdraw")
def withdraw(officer: Annotated[str, typer.Argument(help="The id that `broker officers list` shows.")]) -> None:
    """Somebody is no privacy officer any more: no visit, passkey or approval of theirs counts."""
    use(lambda broker: broker.oversight.withdraw_officer(officer))
    typer.echo("They are no officer any more.")
