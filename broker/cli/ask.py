"""`broker ask` and `broker inbox`: what a professional gets to read, in words, and what lies ready for an organisation.

Exit codes of `broker ask`: 0 something came; 1 the broker answered, and nothing came; 2 refused or not possible.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.towards import Key, OwnOin, Url, plain, towards
from broker.client import Professional, Refused
from broker.client.answers import Handover, Released, SignOff, Withheld
from broker.errors import Invalid

_BSN = re.compile(r"[0-9]{9}", re.ASCII)
_LONGEST = 200
"""Characters of a file that holds one identifier."""


def ask(
    url: Url,
    oin: OwnOin,
    key: Key,
    identity: Annotated[str, typer.Option("--as", help="Your own lasting id of the professional.")],
    name: Annotated[str, typer.Option(help="The professional's name.")],
    role: Annotated[str, typer.Option(help="Their role: a word of the agreement, such as support-coordinator.")],
    handover: Annotated[str, typer.Option(help="The id of a handover. See: broker inbox.")] = "",
    search_file: Annotated[
        str, typer.Option(help="Instead: a file with a BSN; `-` reads it from standard input. Lists what is open.")
    ] = "",
    purpose: Annotated[str, typer.Option(help="Why: a word of the agreement, such as education-support.")] = "",
    section: Annotated[
        list[str] | None, typer.Option(help="Only this section type; may be given more than once.")
    ] = None,
    opens_with: Annotated[
        list[Path] | None, typer.Option(help="Your private sealing key; may be given more than once.")
    ] = None,
    proof: Annotated[
        bool, typer.Option(help="Wait up to a second, so that the receipt holds the log's proof: to keep as it is.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as it came.")] = False,
) -> None:
    """Ask for a release as a professional, or look for a person's handovers. What is released is printed: mind your screen."""
    if bool(handover) == bool(search_file):
        raise Invalid.at(
            "/handover", "Kies --handover of --search-file.", "Choose --handover ID or --search-file FILE."
        )
    if handover and not purpose:
        raise Invalid.at("/purpose", "Zeg waarvoor, met --purpose.", "Say why, with --purpose. Nothing was asked.")
    bsn = _identifier(search_file) if search_file else ""
    with towards(url, oin, key, opens_with) as client:
        professional = client.as_professional(identity, name, role)
        if search_file:
            _found(list(professional.search(bsn)["items"]), as_json)
        else:
            _asked(professional, handover, purpose, section or None, proof=proof, as_json=as_json)


def inbox(
    url: Url,
    oin: OwnOin,
    key: Key,
    sent: Annotated[bool, typer.Option("--sent", help="What you sent, instead of what is open to you.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As the API says it.")] = False,
) -> None:
    """What is open to your organisation now, newest first; with --sent, what you pushed."""
    with towards(url, oin, key) as client:
        items = list(client.every_handover("sent" if sent else "received"))
    _print_handovers(items, as_json)


def _identifier(file: str) -> str:
    """The BSN in a file, never from the command line: that stands in the shell's history. Raises Invalid, quoting nothing."""
    try:
        if file == "-":
            text = sys.stdin.read(_LONGEST)
        else:
            with Path(file).open(encoding="ascii") as opened:
                text = opened.read(_LONGEST)
    except (OSError, ValueError):
        text = ""
    if not _BSN.fullmatch(text.strip()):
        raise Invalid.at(
            "/search-file",
            "In dit bestand staat geen BSN van negen cijfers. Er is niet gezocht.",
            "This file holds no BSN of nine digits, and nothing else. Nothing was looked for.",
        )
    return text.strip()


def _found(items: list[Handover], as_json: bool) -> None:
    _print_handovers(items, as_json)
    if not items:
        raise typer.Exit(1)


def _print_handovers(items: Iterable[Handover], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"items": list(items)}, ensure_ascii=False, indent=1))
        return
    lines = [_line_of(item) for item in items]
    for line in lines or ["Nothing."]:
        typer.echo(plain(line))


def _line_of(item: Handover) -> str:
    opened = [section["type"] for section in item["sections"] if section["open"]]
    said = f"open: {', '.join(opened)}" if opened else "nothing is open"
    return f"{item['id']}  {item['kind']}, {item['purpose']}, from {item['sender']}, {item['state']}; {said}"


def _asked(
    professional: Professional,
    handover: str,
    purpose: str,
    sections: list[str] | None,
    *,
    proof: bool,
    as_json: bool,
) -> None:
    try:
        release = professional.ask(handover, purpose, sections, proof=proof)
    except Refused as refused:
        if not refused.withheld:
            raise
        _print(refused.problem, [f"{refused.detail}\n", *_reasons(refused.withheld)], as_json)
        raise typer.Exit(1) from None
    lines = [line for section in release["released"] for line in _released(section)]
    lines += _reasons(release["withheld"])
    lines += [f"Release {release['id']} is in the broker's log. Keep the receipt: --json shows it."]
    _print(release, lines, as_json)


def _print(document: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        for line in lines:
            typer.echo(plain(line))


def _released(section: Released) -> Iterator[str]:
    """A section with what the family wrote about it."""
    yield f"== {section['type']} =="
    if "sealed" in section:
        yield "Sealed to your organisation. Give your sealing key with --opens-with to read it."
    else:
        content = section.get("content")
        yield content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
    if section["disputed"]:
        yield "The family disputes this section."
    yield from _agreed(section.get("signOff"))
    for written in section["reactions"]:
        yield f"The family wrote ({written['capacity']}, {written['at']}, {written['state']}): {written['text']}"
        if written["answer"]:
            yield f"The sender answered: {written['answer']}"
    yield ""


def _agreed(signed: SignOff | None) -> Iterator[str]:
    """Which version it is, and who agrees with it, with those who do not in their own words."""
    if signed is None:
        return
    yield f"Version {signed['version']}, {signed['digest']}"
    for one in signed["said"]:
        who = one["capacity"] if one["by"] == "family" else f"{one['organisation']}, {one['role']}"
        of = "" if one["current"] else f" (of version {one['version']})"
        yield f"{who}{of}: {'agrees' if one['agrees'] else one['text']}"


def _reasons(withheld: Iterable[Withheld]) -> Iterator[str]:
    """What did not come: why, what to do next, and whom to call."""
    for item in withheld:
        yield f"Not released: {'everything' if item['type'] == '*' else item['type']}"
        for reason in item["reasons"]:
            yield f"  {reason['message']} {reason['nextStep']} [{reason['code']}]"
            for channel in reason["useOtherChannel"]:
                contact = f", {channel['contact']}" if channel["contact"] else ""
                yield f"  Or call: {channel['call']}{contact} ({channel['article']})"
        yield ""
