"""A municipality's look: what may stand in it, what is refused and how that is told, and what browsers are sent."""

import base64
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from broker.cli.themes import app as command
from broker.errors import Invalid, Unsafe
from broker.web import Site, install_web
from broker.web.kit.assets import FOLDER
from broker.web.theme.build import HERE
from broker.web.theme.contrast import AROUND, PAIRS, ratio, too_faint
from broker.web.theme.municipal import COLOURS, FORMS, LIMIT, Theme, example, palette, read_theme, theme_of
from broker.web.theme.sheet import read_sheet
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily

WATERDIJK = Path(__file__).parents[2] / "e2e" / "theme-of-waterdijk.css"
SHAPE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 16">{}</svg>'
PLAIN = '<path d="M0 0h9"/>'


def faults(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(Invalid) as refused:
        read_theme(content)
    assert all(fault.words.nl and fault.words.nl != fault.words.en for fault in refused.value.faults)
    return [fault.words.en for fault in refused.value.faults]


def logo(drawing: str) -> str:
    return f':root {{ --rd-logo: url("data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"); }}'


def test_contrast_is_that_of_wcag() -> None:
    assert ratio("#000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#fff") == pytest.approx(4.478, abs=0.001)  # WCAG's own well-known near miss
    assert ratio("#fff", "#767676") == pytest.approx(4.542, abs=0.001)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_our_own_colours_can_be_read(scheme: str) -> None:
    assert list(too_faint(Theme().colours(scheme))) == []  # type: ignore[arg-type]


def test_every_colour_of_the_pages_is_in_the_palette_and_no_other_is_in_the_stylesheet() -> None:
    css = (FOLDER / "rondom.css").read_text("utf-8")
    kept = (HERE / "palette.css").read_text("utf-8")
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", css)) <= set(re.findall(r"#[0-9a-f]{6}\b", kept))
    used = set(re.findall(r"var\((--rd-[a-z-]+)", css)) - {"--rd-logo"}
    assert used == set(palette()["light"]) - {"color-scheme"}
    assert COLOURS.keys() <= palette()["dark"].keys() <= palette()["light"].keys()
    assert {name for front, back, _ in PAIRS for name in (front, back)} | set(AROUND) <= palette()["dark"].keys()


def test_the_example_is_a_theme_that_changes_nothing() -> None:
    theme = read_theme(example().encode())
    assert theme.colours("light") == Theme().colours("light")
    assert theme.colours("dark") == Theme().colours("dark")
    assert all(name in example() for name in (*COLOURS, *FORMS))


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = faults(
        "@import url(https://elsewhere.example/x.css);\n"
        ":root {\n  --rd-action: #f99;\n  --rd-radius: 90px;\n  color: red;\n  --rd-text: url(x);\n  --rd-ground: #fff;\n"
        "  --rd-ground: #fff;\n}\n"
        "main { display: none }\n"
        "@media (prefers-color-scheme: dark) { :root { --rd-text: #222; --rd-font: serif; } }\n"
    )
    assert [re.match(r"(Line \d+|In the (light|dark)): (\S+)", line)[0] for line in told] == [  # type: ignore[index]
        "Line 1: only",
        "Line 10: only",
        "Line 4: --rd-radius",
        "Line 5: color",
        "Line 6: --rd-text",
        "Line 8: --rd-ground",
        "Line 11: --rd-font",
        *["In the light: --rd-action"] * 3,
        "In the light: --rd-on-action",
        *["In the dark: --rd-text"] * 5,
    ]
    assert "--rd-action (#f99) on --rd-ground (#fff) has contrast 2.0; it needs 4.5. Make one" in told[7]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " /* nothing */ ",
        ":root {",
        ":root { --rd-text: #000 ",
        "}",
        ":root { --rd-text: #000 } }",
        ":root { --rd-text: #00000080; }",
        ":root { --rd-text: red; }",
        ":root { --rd-text: var(--rd-ground); }",
        ":root { --rd-text: #000 !important; }",
        ":root { --rd-good: #000; }",
        ":root { --RD-TEXT: #000; }",
        ":root { --rd-font: Comic Sans, sans-serif; }",
        ":root { --rd-font: Georgia; }",
        ':root { --rd-font: "a;}", serif; }',
        ":root { --rd-radius: calc(1px + 1px); }",
        ":root { --rd-radius: -1px; }",
        ":root { --rd-radius: 1.6rem; }",
        ":root, main { --rd-radius: 1px; }",
        "@media print { :root { --rd-radius: 1px; } }",
        "@font-face { font-family: x; src: url(x) }",
        ":root { --rd-logo: url(https://elsewhere.example/logo.svg); }",
        b":root { --rd-radius: 1px; } /* \xff */",
        ":root { --rd-radius: 1px; }" + " " * LIMIT,
    ],
)  # fmt: skip
def test_what_is_no_theme_is_refused(text: str | bytes) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "drawing",
    [
        SHAPE.format("<script>alert(1)</script>"),
        SHAPE.format('<path onload="alert(1)" d="M0 0"/>'),
        SHAPE.format('<image href="https://elsewhere.example/x.png"/>'),
        SHAPE.format('<use href="#a"/>'),
        SHAPE.format('<a href="https://elsewhere.example"><path d="M0 0"/></a>'),
        SHAPE.format('<path style="fill:url(https://elsewhere.example)" d="M0 0"/>'),
        SHAPE.format('<path fill="url(https://elsewhere.example)" d="M0 0"/>'),
        SHAPE.format('<path fill="url(//elsewhere.example)" d="M0 0"/>'),
        SHAPE.format("<foreignObject><p>x</p></foreignObject>"),
        SHAPE.format("<style>@import 'x'</style>"),
        SHAPE.format('<x:path xmlns:x="http://www.w3.org/1999/xhtml"/>'),
        SHAPE.format('<path xmlns:x="http://www.w3.org/1999/xlink" x:href="data:x"/>'),
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SHAPE.format(PLAIN),
        "<?xml-stylesheet href='x'?>" + SHAPE.format(PLAIN),
        SHAPE.format(PLAIN).replace(' viewBox="0 0 32 16"', ""),
        SHAPE.format(PLAIN).replace("32 16", "320 16"),
        SHAPE.format(PLAIN).replace("32 16", "32 0"),
        SHAPE.format(PLAIN * 300),
        "<svg",
        "<html/>",
    ],
)
def test_a_logo_is_a_drawing_and_nothing_else(drawing: str) -> None:
    (told,) = faults(logo(drawing))
    assert told.startswith("Line 1: --rd-logo is a drawing")


def test_a_drawing_becomes_a_logo_of_its_own_proportion() -> None:
    gradient = '<defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
    theme = read_theme(logo(SHAPE.format(gradient + '<path fill="url(#g)" d="M0 0h9"/>')).encode())
    assert b"inline-size:4.5rem;block-size:2.25rem" in theme.css


@given(st.text(max_size=80), st.sampled_from(["", ":root {", ":root { --rd-text: ", ":root { --rd-font: "]))
def test_whatever_stands_in_a_file_only_known_names_and_plain_values_leave_it(text: str, begin: str) -> None:
    try:
        theme = read_theme(f"{begin}{text}".encode("utf-8", "replace"))
    except Invalid:
        return
    own = theme.css.decode().partition("@media")[0]
    assert re.fullmatch(r':root\{(--rd-[a-z-]+:[#A-Za-z0-9", .-]+(;|(?=\})))*\}', own), own


def test_what_browsers_get_is_a_sheet_of_the_same_kind() -> None:
    theme = read_theme(WATERDIJK.read_bytes())
    css = theme.css.decode()
    assert re.findall(r"url\((.{0,26})", css) == ['"data:image/svg+xml;base64']
    assert not re.search(r"@import|@font-face|https?:|expression|<", css)
    blocks = read_sheet(css.partition("@media print")[0])
    assert blocks.faults == []
    assert {one.name for one in blocks.declarations if one.scheme == "dark"} >= set(COLOURS)
    assert "@media print{:root{" in css, "paper is white"


async def test_pages_name_the_look_and_it_is_served_under_its_digest() -> None:
    theme = read_theme(WATERDIJK.read_bytes())
    for site, themed in ((Site("http://localhost", secure=False, theme=theme), True), (Site("http://localhost", secure=False), False)):  # fmt: skip
        app = FastAPI()
        install_web(app, FakeFamily(), console_services(FakeConsole()), site)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            page = (await client.get("/")).text
            assert (theme.address in page) is themed
            assert ('content="#5b1a4a" media="(prefers-color-scheme: light)"' in page) is themed
            answer = await client.get(theme.address)
            assert answer.status_code == (200 if themed else 404)
            if themed:
                assert answer.content == theme.css
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert page.index("rondom.") < page.index(theme.address), "the last word is the municipality's"


def test_a_broker_does_not_start_with_a_theme_that_cannot_be_read(tmp_path: Path) -> None:
    assert theme_of(None) == Theme()
    with pytest.raises(Unsafe, match="cannot be read"):
        theme_of(tmp_path / "none.css")
    path = tmp_path / "theme.css"
    path.write_text(":root { --rd-text: #eee; --rd-radius: x; }")
    with pytest.raises(Unsafe) as refused:
        theme_of(path)
    words = refused.value.words
    assert len(words.nl.splitlines()) == len(words.en.splitlines()) == 7
    assert "Regel 1: --rd-radius is ronding van hoeken, 0 tot 24px." in words.nl
    assert "Maak een van de twee lichter of donkerder." in words.nl


def test_the_command_tells_the_same_and_shows_an_example(tmp_path: Path) -> None:
    runner, path = CliRunner(), tmp_path / "theme.css"
    shown = runner.invoke(command, ["example"])
    path.write_text(shown.output)
    assert (shown.exit_code, shown.output) == (0, example())
    right = runner.invoke(command, ["check", str(path)])
    assert (right.exit_code, "The theme is right" in right.output) == (0, True)
    path.write_text(":root { --rd-text: #eee; --rd-radius: x; }")
    wrong = runner.invoke(command, ["check", str(path)])
    assert wrong.exit_code == 1
    assert "Regel 1: --rd-radius is ronding" in wrong.output
    assert "Line 1: --rd-radius is rounding" in wrong.output
    assert "has contrast 1.1; it needs 4.5" in wrong.output
