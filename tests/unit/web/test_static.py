"""Styles and scripts are small, our own, and kept for ever; nothing comes from elsewhere."""

import re

import httpx

from broker.web.kit.assets import FOLDER, assets
from broker.web.kit.texts import LOCALE

CSS = (FOLDER / "rondom.css").read_text("utf-8")
CONSOLE = (FOLDER / "console.css").read_text("utf-8") + (FOLDER / "charts.css").read_text("utf-8")
TEMPLATES = {path: path.read_text("utf-8") for path in LOCALE.parent.glob("*/templates/*.html")}


def test_the_stylesheet_is_small_and_loads_nothing() -> None:
    assert len(CSS.encode()) < 28_000
    assert len(CONSOLE.encode()) < 12_000
    assert not re.search(r"url\(|@import|@font-face|https?:", CSS + CONSOLE)
    assert "utrecht-design-tokens" not in CSS


def test_every_side_of_the_layout_turns_with_the_script() -> None:
    layout = (LOCALE.parent / "theme" / "layout.css").read_text("utf-8")
    physical = (
        r"(?:margin|padding|border)-(?:left|right)|(?<![-\w])(?:left|right|float)\s*:|text-align:\s*(?:left|right)"
    )
    found = [line for line in layout.splitlines() if re.search(physical, line) and not line.startswith("[dir=rtl]")]
    assert found == []
    assert not re.search(physical, CONSOLE)
    style = re.search(r"<style>(.*?)</style>", (LOCALE.parent / "pages" / "verify.html").read_text("utf-8"), re.DOTALL)
    assert style is not None
    assert not re.search(physical, style[1])
    components = CSS.partition("*,::before")[0]
    assert not re.search(physical, components)


def test_the_licence_of_the_stylesheet_lies_beside_it() -> None:
    assert "EUROPEAN UNION PUBLIC LICENCE" in (FOLDER / "LICENCES" / "EUPL-1.2.md").read_text("utf-8")


def test_every_class_of_a_page_has_a_style() -> None:
    used = set()
    for text in TEMPLATES.values():
        for value in re.findall(r'class="([^"]*)"', re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text)):
            used |= {name for name in value.split() if name.startswith(("rd-", "utrecht-")) and not name.endswith("-")}
    without = {name for name in used if f".{name}" not in CSS + CONSOLE}
    assert without == set()


def test_pages_hold_no_inline_style_or_script() -> None:
    for path, text in TEMPLATES.items():
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|<style|<script(?! src=)", text), path


def test_scripts_send_nothing_elsewhere() -> None:
    for path in FOLDER.glob("*.js"):
        assert not re.search(r"https?:|eval\(|innerHTML|document\.write|import\(", path.read_text("utf-8")), path
    assert "submit" not in (FOLDER / "code.js").read_text("utf-8")
    assert "fetch" not in (FOLDER / "code.js").read_text("utf-8")


async def test_static_files_are_named_after_their_content_and_kept(client: httpx.AsyncClient) -> None:
    for name, kind in (("rondom.css", "text/css"), ("code.js", "text/javascript"), ("rondom.svg", "image/svg+xml")):
        answer = await client.get(assets().address(name))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.text == (FOLDER / name).read_text("utf-8")
        assert answer.headers["x-content-type-options"] == "nosniff"
    plain = await client.get(assets().address("rondom.css"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


async def test_only_our_own_files_are_served(client: httpx.AsyncClient) -> None:
    for name in ("rondom.css", "LICENCES", "..%2f__init__.py", "rondom.000000000000.css"):
        assert (await client.get(f"/static/{name}")).status_code == 404
