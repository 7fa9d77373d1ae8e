"""The sheet that a worker hands over: one page of A4 with the code, in the person's language and in Dutch for the worker.

- It names nobody: no person, no organisation, no part. Whom to call is written on it by hand.
- It stands alone: no script, nothing from elsewhere; the code is in its text and its QR, never in an address.
"""

import base64
import hashlib
import io
from collections.abc import Sequence
from functools import partial
from html import escape

import segno
from fastapi.responses import Response

from broker.api.answers import NO_STORE
from broker.domain.calendar import local_day
from broker.domain.ports import Phrases
from broker.errors import Words
from broker.services.invitations import Invited

MEDIA_TYPE = "text/html"

_ASKED = Words("Er is een vraag voor jou", "There is a question for you")
_WHAT = Words("Mag informatie gedeeld worden? Jij beslist.", "May information be shared? You decide.")
_SCAN = Words("Scan het vierkant met je telefoon.", "Scan the square with your phone.")
_TYPE = Words("Of ga naar dit adres, en typ je code:", "Or go to this address, and type your code:")
_SECOND = Words(
    "Je krijgt een tweede code in een bericht. Typ die ook. Zo kan niemand anders antwoorden.",
    "You get a second code in a message. Type that one too. Then nobody else can answer.",
)
_ANSWER = Words("Lees elke vraag. Zeg ja of nee.", "Read each question. Say yes or no.")
_NO = Words("Nee mag altijd. De hulp gaat gewoon door.", "You may always say no. The help simply goes on.")
_STOP = Words(
    "Bewaar dit blad. Met dezelfde code kun je kijken wat je zei, en stoppen.",
    "Keep this sheet. With the same code you can see what you said, and stop.",
)
_MEETING = Words(
    "Het overleg is op {day}. Met je code zie je wie erbij zijn.",
    "The meeting is on {day}. With your code you see who will be there.",
)
_UNTIL = Words("Antwoord vóór {day}.", "Answer before {day}.")
_CALL = Words("Vragen? Bel:", "Questions? Call:")
_SQUARE = Words("Vierkant om te scannen", "Square to scan")
_WORKER = Words("Voor wie dit blad geeft", "For whoever gives this sheet")
_HAND_OVER = (
    "Geef dit blad alleen aan de persoon zelf, en maak geen kopie of foto.",
    "Schrijf hierboven wie de familie kan bellen.",
    "De tweede code gaat naar het nummer of adres dat van deze persoon bekend is. Klopt dat niet meer? Pas het eerst aan.",
    "Kijk niet mee bij het antwoord. Ja en nee zijn even goed.",
)
"""Always in Dutch: whoever gives the sheet works in the Netherlands."""

_PICTURES = (
    '<path d="M7 2.500h10v19H7zM11 18.500h2M9.500 7h2v2h-2zM12.500 10h2v2h-2zM9.500 13h2v2h-2z"/>',
    '<path d="M4 5h16v11h-9l-4 4v-4H4zM8 10.500h.1M12 10.500h.1M16 10.500h.1"/>',
    '<path d="M3.500 12.500l4 4 7-9M15 16l5-5M20 16l-5-5"/>',
)
"""A phone that scans, a message, yes and no; on a grid of 24."""

_STYLE = """
@page { size: A4; margin: 12mm 15mm; }
* { box-sizing: border-box; }
body { max-width: 180mm; margin: 0 auto; padding: 0; color: #000; background: #fff; font: 13pt/1.35 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { margin: 0; font-size: 23pt; line-height: 1.2; }
p { margin: 0; }
.what { font-size: 15pt; margin-bottom: 5mm; }
.way { display: flex; gap: 8mm; align-items: center; }
.way > svg { flex: none; width: 74mm; height: 74mm; }
.way div > * + * { margin-top: 2mm; }
.typed { direction: ltr; unicode-bidi: isolate; display: block; font: 700 15pt/1.3 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.code { font-size: 22pt; letter-spacing: .04em; overflow-wrap: normal; white-space: nowrap; }
ol { list-style: none; display: grid; grid-template-columns: repeat(3, 1fr); gap: 6mm; margin: 5mm 0; padding: 0; }
ol svg { width: 13mm; height: 13mm; display: block; }
.no { padding: 3mm 4mm; border: .8mm solid #000; border-radius: 3mm; font-size: 15pt; font-weight: 700; }
.end > * { margin-top: 3mm; }
.line { display: flex; gap: 4mm; align-items: baseline; }
.line::after { content: ""; flex: 1; border-bottom: .3mm solid #000; height: 8mm; }
.dutch { margin-top: 6mm; padding-top: 3mm; border-top: .3mm solid #000; font-size: 10.5pt; line-height: 1.35; }
.dutch h2 { margin: 0 0 1mm; font-size: 11.5pt; }
.dutch ul { margin: 1mm 0 0; padding-inline-start: 5mm; }
@media screen { body { padding: 12mm 5mm; } }
@media screen and (max-width: 600px) { .way, ol { display: block; } ol li { margin-top: 4mm; } }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def wants_sheet(accept: str) -> bool:
    """Whether an `Accept` header asks for a page rather than for JSON (RFC 9110, 12.5.1)."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for item in accept[:500].split(","):
        name, _, rest = (part.strip().lower() for part in item.partition(";"))
        try:
            weight = float(rest.partition("q=")[2] or 1)
        except ValueError:
            continue
        for known in ("application/json",) if name in ("application/*", "*/*") else (name,):
            if known in weights:
                weights[known] = max(weights[known], weight)
    return weights["text/html"] > weights["application/json"]


def qr_of(link: str, *, sized: bool = True) -> str:
    """A link as an SVG that a phone's camera reads from paper; not `sized`, it fills the room that a style gives it."""
    drawing = io.BytesIO()
    segno.make(link, error="m").save(drawing, kind="svg", scale=6, xmldecl=False, title=None, omitsize=not sized)
    return drawing.getvalue().decode()


def sheet_answer(invited: Invited, public_url: str, phrases: Phrases) -> Response:
    """The sheet as an answer: never cached, and nothing in it runs."""
    headers = {**NO_STORE, "Content-Security-Policy": _POLICY, "Content-Language": invited.language}
    return Response(sheet_of(invited, public_url, phrases), 201, headers, f"{MEDIA_TYPE}; charset=utf-8")


def sheet_of(invited: Invited, public_url: str, phrases: Phrases) -> str:
    """The page. Raises ValueError for an invitation that went to the person's own contact: there is no code to show."""
    if invited.code is None or invited.link is None:
        raise ValueError("there is no code")
    language = invited.language
    said = partial(_said, phrases, language)
    on = invited.meeting
    meeting = escape(phrases.fill(_MEETING, language, day=phrases.day(on, language))) if on else ""
    until = escape(phrases.fill(_UNTIL, language, day=_day(invited, phrases, language)))
    dutch = "" if language == "nl" else f"<p>{escape(' '.join(_lines(invited, phrases)))}</p>"
    advice = "".join(f"<li>{escape(line)}</li>" for line in _HAND_OVER)
    return f"""<!doctype html>
<html lang="{language}" dir="{phrases.direction(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Rondom</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{said(_ASKED)}</h1>
<p class="what">{said(_WHAT)} <strong>{meeting}</strong></p>
<div class="way">{_square(invited.link, said(_SQUARE))}
<div><p>{said(_TYPE)}</p><p class="typed">{escape(_address(public_url))}</p>
<p class="typed code">{escape(invited.code)}</p></div></div>
<ol>{_steps([said(_SCAN), said(_SECOND), said(_ANSWER)])}</ol>
<p class="no">{said(_NO)}</p>
<div class="end"><p><strong>{until}</strong> {said(_STOP)}</p>
<p class="line">{said(_CALL)}</p></div>
</main>
<section class="dutch" lang="nl" dir="ltr"><h2>{_WORKER.nl}</h2>{dutch}<ul>{advice}</ul></section>
</body>
</html>
"""


def _lines(invited: Invited, phrases: Phrases) -> list[str]:
    """What stands on the sheet, without its codes, in Dutch: for who reads along."""
    first = [_ASKED, _WHAT, _SCAN, _TYPE]
    said = [words.nl for words in (*first, _SECOND, _ANSWER, _NO)]
    said[0] += "."
    said[3] = said[3].removesuffix(":") + "."
    if invited.meeting:
        said.insert(2, _MEETING.nl.format(day=phrases.day(invited.meeting, "nl")))
    return [*said, _UNTIL.nl.format(day=_day(invited, phrases, "nl")), _STOP.nl]


def _steps(told: Sequence[str]) -> str:
    return "".join(
        '<li><svg viewBox="0 0 24 24" fill="none" stroke="#000" stroke-width="1.500" stroke-linecap="round" '
        f'stroke-linejoin="round" aria-hidden="true">{picture}</svg><strong>{number}.</strong> {step}</li>'
        for number, (picture, step) in enumerate(zip(_PICTURES, told, strict=True), 1)
    )


def _square(link: str, name: str) -> str:
    return qr_of(link, sized=False).replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)


def _address(public_url: str) -> str:
    """What people type: browsers add https by themselves."""
    return public_url.removeprefix("https://")


def _said(phrases: Phrases, language: str, words: Words) -> str:
    return escape(phrases.words(words, language))


def _day(invited: Invited, phrases: Phrases, language: str) -> str:
    return phrases.day(local_day(invited.answer_until), language)
