"""A municipality's own look: known custom properties with plain values, readable in light and dark, or no start at all.

- What is served is written anew from what was understood: no byte of the file itself reaches a browser.
- Nothing in it can load, hide, move or reword anything: colours, corners, the device's own fonts, one small drawing.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from broker.errors import Fault, Invalid, Unsafe, Words
from broker.web.theme.contrast import COLOUR, too_faint
from broker.web.theme.logo import LIMIT as LOGO_LIMIT
from broker.web.theme.logo import shape_of
from broker.web.theme.sheet import Declaration, Scheme, at, read_sheet

LIMIT = 12_000
"""Bytes of a theme."""
COLOURS = {
    "--rd-text": Words("tekst en koppen", "text and headings"),
    "--rd-text-soft": Words("bijzaken", "what matters less"),
    "--rd-ground": Words("de achtergrond", "the ground"),
    "--rd-ground-soft": Words("vlakken op de achtergrond", "fields on the ground"),
    "--rd-line": Words("lijnen tussen onderdelen", "lines between parts"),
    "--rd-line-field": Words("randen van invulvelden", "borders of fields to fill in"),
    "--rd-action": Words("links, randen van knoppen en de hoofdknop", "links, borders of buttons and the main button"),
    "--rd-action-strong": Words("hetzelfde, onder de muis", "the same, under the mouse"),
    "--rd-action-ground": Words("een vlak in de tint van links", "a field in the tint of links"),
    "--rd-on-action": Words("tekst op de hoofdknop", "text on the main button"),
    "--rd-header": Words("de bovenkant van de pagina", "the top of the page"),
    "--rd-header-text": Words("tekst in de bovenkant", "text in the top"),
    "--rd-focus": Words("de ring om wat gekozen is, en tekst daarop", "the ring around what is chosen, and text on it"),
    "--rd-focus-ground": Words("de gloed om wat gekozen is", "the glow around what is chosen"),
}
"""The colours that a theme may set: what each is for."""
FORMS = {
    "--rd-radius": Words("ronding van hoeken, 0 tot 24px", "rounding of corners, 0 to 24px"),
    "--rd-font": Words(
        "lettertypen van het apparaat; de laatste is een algemene, zoals sans-serif",
        "fonts of the device; the last is a general one, such as sans-serif",
    ),
    "--rd-logo": Words(
        'een tekening: url("data:image/svg+xml;base64,...")', 'a drawing: url("data:image/svg+xml;base64,...")'
    ),
}
"""What else it may set, once, for light and dark."""
_PALETTE = Path(__file__).parent / "palette.css"
_SIZE = re.compile(r"0|([0-9]{1,2}(?:\.[0-9]{1,3})?)(px|rem)")
_FONT = re.compile(r'(?:"[A-Za-z0-9 -]{1,40}"|-?[A-Za-z][A-Za-z0-9-]{0,40})')
_GENERAL = {"sans-serif", "serif", "system-ui", "ui-sans-serif", "ui-serif", "ui-rounded"}
_IN = {"light": Words("In het licht", "In the light"), "dark": Words("In het donker", "In the dark")}
_TALL = 2.25
"""Rem: the height of a logo."""


def palette() -> Mapping[Scheme, Mapping[str, str]]:
    """The colours of the pages without a theme, in light and in dark."""
    return _palette()


@cache
def _palette() -> Mapping[Scheme, Mapping[str, str]]:
    found: dict[Scheme, dict[str, str]] = {"light": {}, "dark": {}}
    for declaration in read_sheet(_PALETTE.read_text("utf-8")).declarations:
        found[declaration.scheme][declaration.name] = declaration.value
    return found


@dataclass(frozen=True, slots=True)
class Theme:
    """The look of a site. Without values it is our own, and there is no file."""

    light: Mapping[str, str] = field(default_factory=dict)
    dark: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its file, after its content; empty when there is none."""
        return f"theme.{hashlib.sha256(self.css).hexdigest()[:12]}.css" if self.light or self.dark else ""

    @property
    def address(self) -> str:
        """Where pages find it; empty when there is none."""
        return f"/static/{self.name}" if self.name else ""

    @property
    def tints(self) -> tuple[str, str]:
        """The colour of the top of the page, in light and in dark, for the bar of a phone's browser."""
        return self.colours("light")["--rd-header"], self.colours("dark")["--rd-header"]

    def colours(self, scheme: Scheme) -> dict[str, str]:
        """Every colour of the pages with this theme."""
        own = self.light if scheme == "light" else self.dark
        ours = {name: value for name, value in palette()[scheme].items() if COLOUR.fullmatch(value)}
        return ours | {name: value for name, value in own.items() if name in COLOURS}

    @property
    def css(self) -> bytes:
        """The stylesheet: read after our own. In the dark every colour is named, so that none of the light is left."""
        text = f":root{{{_written(self.light)}}}"
        text += f"@media screen and (prefers-color-scheme:dark){{:root{{{_written(self.colours('dark'))}}}}}"
        text += f"@media print{{:root{{{_written(palette()['light'])}}}}}"  # paper is white, and ink is dear
        if "--rd-logo" in self.light:
            wide = min(round(_TALL * shape_of(self.light["--rd-logo"]), 2), 8)
            text += (
                ".rd-logo svg{display:none}"
                f'.rd-logo::before{{content:"";flex:none;inline-size:{wide}rem;block-size:{_TALL}rem;'
                "background:var(--rd-logo) center/contain no-repeat}"
            )
        return text.encode()


def read_theme(content: bytes) -> Theme:
    """The theme in a file. Raises Invalid with everything that is wrong: form, names, values, contrast."""
    if len(content) > LIMIT:
        raise Invalid.at("/", f"Een thema is hooguit {LIMIT} bytes.", f"A theme is at most {LIMIT} bytes.")
    try:
        sheet = read_sheet(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid.at("/", "Bewaar het thema als UTF-8.", "Save the theme as UTF-8.") from None
    faults = [*sheet.faults, *_faults_of(sheet.declarations)]
    if not sheet.declarations and not faults:
        faults.append(
            at(1, "het thema zet niets. Zet er iets in, of laat BROKER_THEME weg.", "the theme sets nothing. Fill it, or leave BROKER_THEME out.")
        )  # fmt: skip
    schemes = {
        scheme: {o.name: o.value for o in sheet.declarations if o.scheme == scheme and _is_right(o.name, o.value)}
        for scheme in ("light", "dark")
    }
    theme = Theme(schemes["light"], schemes["dark"])
    faults += _faint(theme)
    if faults:
        raise Invalid(faults)
    return theme


def theme_of(path: Path | None) -> Theme:
    """The look that a setting names, our own without one. Raises Unsafe with everything that is wrong (promise P13)."""
    if path is None:
        return Theme()
    try:
        return read_theme(path.read_bytes())
    except OSError:
        faults = [Words("Het bestand is niet te lezen.", "The file cannot be read.")]
    except Invalid as error:
        faults = [fault.words for fault in error.faults]
    raise Unsafe(
        Words(
            "\n".join(["Het thema van BROKER_THEME kan zo niet. Verbeter het bestand:", *(f.nl for f in faults)]),
            "\n".join(["The theme of BROKER_THEME cannot be used. Mend the file:", *(f.en for f in faults)]),
        )
    )


def _faults_of(declarations: Iterable[Declaration]) -> Iterator[Fault]:
    seen = set()
    for one in declarations:
        if (one.scheme, one.name) in seen:
            yield at(
                one.line, f"{one.name} staat er twee keer. Laat één staan.", f"{one.name} stands twice. Leave one."
            )
        seen.add((one.scheme, one.name))
        if one.name in FORMS and one.scheme == "dark":
            yield at(
                one.line,
                f"{one.name} geldt voor licht en donker. Zet hem alleen in :root.",
                f"{one.name} is for light and dark. Set it in :root only.",
            )
        elif one.name not in COLOURS and one.name not in FORMS:
            yield at(
                one.line,
                f"{one.name[:40]} kan een thema niet zetten. Wat wel kan, toont: broker theme example",
                f"{one.name[:40]} cannot be set by a theme. What can, is shown by: broker theme example",
            )
        elif not _is_right(one.name, one.value):
            wanted = FORMS.get(one.name, Words("een kleur zoals #00568b", "a colour such as #00568b"))
            if one.name == "--rd-logo":
                told = f"hooguit {LOGO_LIMIT} bytes, alleen vormen", f"at most {LOGO_LIMIT} bytes, shapes only"
                wanted = Words(f"{wanted.nl}, {told[0]}", f"{wanted.en}, {told[1]}")
            yield at(one.line, f"{one.name} is {wanted.nl}.", f"{one.name} is {wanted.en}.")


def _is_right(name: str, value: str) -> bool:
    """Whether a value is one of those that may stand there."""
    if name == "--rd-radius":
        found = _SIZE.fullmatch(value)
        return found is not None and float(found[1] or 0) * (16 if found[2] == "rem" else 1) <= 24
    if name == "--rd-font":
        fonts = [font.strip() for font in value.split(",")]
        return len(value) <= 200 and all(_FONT.fullmatch(font) for font in fonts) and fonts[-1] in _GENERAL
    if name == "--rd-logo":
        try:
            shape_of(value)
        except ValueError:
            return False
        return True
    return COLOUR.fullmatch(value) is not None


def _faint(theme: Theme) -> Iterator[Fault]:
    """Every pair of colours, in light and dark, that people would not be able to read."""
    for scheme in ("light", "dark"):
        colours = theme.colours(scheme)
        for pair in too_faint(colours):
            both = f"{pair.front} ({colours[pair.front]})", f"{pair.back} ({colours[pair.back]})"
            found, least = f"{int(pair.ratio * 10) / 10:.1f}", f"{pair.least:.1f}"
            words = Words(
                f"{_IN[scheme].nl}: {both[0]} op {both[1]} heeft contrast {found.replace('.', ',')}; nodig is "
                f"{least.replace('.', ',')}. Maak een van de twee lichter of donkerder.",
                f"{_IN[scheme].en}: {both[0]} on {both[1]} has contrast {found}; it needs {least}. "
                "Make one of the two lighter or darker.",
            )
            yield Fault(f"/{scheme}/{pair.front}", words)


def example() -> str:
    """A theme that sets everything to what it is already, with a line of explanation each."""
    parts = [
        "/* Een thema voor de pagina's van Rondom. Haal weg wat zo mag blijven. Nagaan: broker theme check BESTAND",
        "   A theme for Rondom's pages. Take out what may stay as it is. To check: broker theme check FILE */",
    ]
    parts += [":root {", *_explained("light", COLOURS), *_explained("light", FORMS), "}"]
    parts += ["@media (prefers-color-scheme: dark) {", "  :root {", *_explained("dark", COLOURS, "  "), "  }", "}"]
    return "\n".join(parts) + "\n"


def _explained(scheme: Scheme, names: Mapping[str, Words], indent: str = "") -> Iterator[str]:
    for name, words in names.items():
        value = palette()[scheme].get(name)
        told = f"/* {words.nl} | {words.en} */"
        yield f"{indent}  {name}: {value}; {told}" if value else f"{indent}  /* {name}: ...; {words.nl} | {words.en} */"


def _written(values: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in values.items())
