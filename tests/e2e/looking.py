"""What every page must be, measured in Chromium on one load: at two widths, by keyboard, with text twice as large, in kilobytes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.base import AXE_FILE_PATH
from babel import Locale
from playwright.sync_api import Page

from tests.e2e.acting import DESK, PHONE, RULES

LIMIT = 30_000
"""Bytes of a page with all that it loads, as they go over the line."""
NARROW = {"width": 320, "height": 568}
"""WCAG 2.2, 1.4.10: a page of 1280 pixels at 400 %."""
HALF = {"width": 640, "height": 400}
"""A desk of 1280 pixels with the browser at 200 %."""
_AXE = """options => axe.run(document, options).then(found =>
  found.violations.map(rule => [rule.id, rule.nodes.map(node => node.html)]))"""
_COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
_FRAME = """() => ({
  lang: document.documentElement.lang,
  dir: getComputedStyle(document.documentElement).direction,
  title: document.title,
  headings: document.querySelectorAll("h1").length,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  jumps: document.querySelectorAll("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").length,
})"""
_FITS = """() => {
  const root = document.documentElement, told = [];
  if (root.scrollWidth > root.clientWidth) told.push("the page is wider than the screen");
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest(".rd-unseen, .rd-skip, noscript, script, option, textarea")) continue;
    if (!parent.checkVisibility({visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const scrolls = parent.closest(".rd-scroll, .rd-pre");
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      const text = node.data.trim().slice(0, 30);
      if (!scrolls && (box.left < -1 || box.right > root.clientWidth + 1)) told.push("cut: " + text);
      for (let up = parent; up && up !== document.body; up = up.parentElement) {
        const style = getComputedStyle(up);
        if (style.overflowX === "visible" || up === scrolls) continue;
        const frame = up.getBoundingClientRect();
        if (box.right > frame.right + 1 || box.left < frame.left - 1) told.push("cut: " + text);
      }
      boxes.push({node, text, left: box.left, right: box.right, top: box.top + box.height / 4, bottom: box.bottom - box.height / 4});
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; j++) {
    const a = boxes[i], b = boxes[j];
    if (a.node !== b.node && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2) told.push(`over each other: ${a.text} / ${b.text}`);
  }
  return told;
}"""
_WATCH = """() => {
  const can = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({visibilityProperty: true}));
  const group = one => can.filter(other => other.type === "radio" && other.name === one.name);
  const first = can.filter(one => one.type !== "radio" || one === (group(one).find(other => other.checked) || group(one)[0]));
  window.rdSeen = [];
  const ringed = style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const came = event => {
    const one = event.target, box = one.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + Math.min(box.height / 2, 20);
    const ring = [one, one.closest("label")].some(it => it && ringed(getComputedStyle(it)));
    const top = document.elementFromPoint(x, y);
    const free = y < 0 || y > innerHeight || (top && (one.contains(top) || top.contains(one) || top.control === one));
    window.rdSeen.push([first.indexOf(one), ring, !!free, one.outerHTML.slice(0, 80)]);
  };
  window.rdStop = () => document.removeEventListener("focusin", came, true);
  document.addEventListener("focusin", came, true);
  return first.length;
}"""


@cache
def _axe() -> str:
    return Path(AXE_FILE_PATH).read_text("utf-8")


@dataclass
class Eyes:
    """Looks at one page after another. `weights` are bytes by name, `complaints` what the browser said or fetched elsewhere."""

    page: Page
    language: str
    documents: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)
    _assets: dict[str, int] = field(default_factory=dict)

    def everything(self, name: str) -> None:
        """All of it, at both widths; the page is as before at the end."""
        self.page.evaluate(_axe())
        for look in (self.frame, self.axe, self.keyboard, self.large):
            look(name)
        self.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        for look in (self.frame, self.axe):
            look(f"{name}, wide")
        self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        self.light(name)

    def _hold(self, name: str, what: str, found: Any, wanted: Any) -> None:
        """Keep what is not as it should be; everything is told at the end."""
        if found != wanted:
            self.complaints.append(f"{name}: {what}: {json.dumps(found, indent=1, ensure_ascii=False)}")

    def frame(self, name: str) -> None:
        """One heading, a title, the language and its direction, nothing beside the screen, no tab order of its own."""
        found = self.page.evaluate(_FRAME)
        named = found.pop("title").endswith(" – Rondom")
        side = Locale.parse(self.language).text_direction
        wanted = {"lang": self.language, "dir": side, "headings": 1, "wide": 0, "jumps": 0}
        self._hold(name, "frame", found | {"titled": named}, wanted | {"titled": True})

    def axe(self, name: str) -> None:
        """Nothing that axe finds (WCAG 2.2 AA, best practice)."""
        options = {**RULES, "resultTypes": ["violations"], "preload": False}
        self.page.evaluate("scrollTo(0, 0)")  # what has scrolled behind the way out is not beside it
        self._hold(name, "axe", self.page.evaluate(_AXE, options), [])

    def colours(self, name: str) -> None:
        """Nothing that axe finds of colours alone, in the light or dark that the page is in."""
        self.page.evaluate(_axe())
        self._hold(name, "colours", self.page.evaluate(_AXE, {**_COLOURS, "preload": False}), [])

    def dark(self, name: str) -> None:
        """In the dark everything can be read as well."""
        self.page.emulate_media(color_scheme="dark")
        self.colours(f"{name}, in the dark")
        self.page.emulate_media(color_scheme="light")

    def keyboard(self, name: str) -> None:
        """The tab key comes by everything, in the order of the page; what has focus shows it and is behind nothing."""
        number = min(self.page.evaluate(_WATCH), 60)
        for _ in range(number + 1):  # one more: behind the last, the browser itself may have a turn
            self.page.keyboard.press("Tab")
        seen = self.page.evaluate("() => { rdStop(); return window.rdSeen }")[:number]
        places = [one[0] for one in seen]
        start = places[0] if places else 0
        total = self.page.evaluate(_WATCH)
        self.page.evaluate("() => { rdStop(); document.activeElement.blur(); scrollTo(0, 0) }")
        self._hold(name, "tab order", places, [(start + place) % total for place in range(number)])
        self._hold(name, "focus", [one for one in seen if not (one[1] and one[2])], [])

    def large(self, name: str) -> None:
        """Nothing is cut and nothing lies over something else: with text of 200 %, at 200 %, on 320 pixels, turned."""
        size = "size => { document.documentElement.style.fontSize = size }"
        self.page.evaluate(size, "225%")  # twice what it is
        told = {"text of 200 %": self.page.evaluate(_FITS)}
        self.page.evaluate(size, "")
        turn = "dir => { document.documentElement.dir = dir }"
        before = self.page.evaluate("() => document.documentElement.dir")
        self.page.evaluate(turn, "rtl")
        told["right to left"] = self.page.evaluate(_FITS)
        self.page.evaluate(turn, before)
        for what, viewport in (("320 pixels", NARROW), ("zoomed to 200 %", HALF), ("360 pixels", PHONE)):
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            told[what] = self.page.evaluate(_FITS)
        self._hold(name, "fits", {what: faults for what, faults in told.items() if faults}, {})

    def light(self, name: str) -> None:
        """A first visit costs little: the page as it came, and everything that it loads."""
        weight = int(self.documents[-1].headers["content-length"])
        loads = (
            "() => [...document.querySelectorAll('link[href], script[src], img[src]')].map(one => one.href || one.src)"
        )
        for address in self.page.evaluate(loads):
            if not address.startswith("data:"):
                weight += self._weigh(address)
        self.weights[name] = weight
        self._hold(name, "bytes", max(weight, LIMIT), LIMIT)

    def _weigh(self, address: str) -> int:
        if address not in self._assets:
            with httpx.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
                assert answer.status_code == 200, address
                self._assets[address] = int(answer.headers["content-length"])
        return self._assets[address]


@contextmanager
def watched(page: Page, language: str) -> Iterator[Eyes]:
    """Eyes on a page from before its first load; at the end nothing was ever complained of."""
    eyes = Eyes(page, language)
    page.on("console", lambda m: None if "Failed to load resource" in m.text else eyes.complaints.append(m.text))
    page.on("pageerror", lambda error: eyes.complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith("http://localhost:") else eyes.complaints.append(r.url))
    page.on("response", lambda r: eyes.documents.append(r) if r.request.is_navigation_request() else None)
    yield eyes
    assert not eyes.complaints, "\n".join(eyes.complaints)
