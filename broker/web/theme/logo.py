"""A logo is a drawing and nothing else: shapes, colours and gradients in one small SVG; no script, link, style or address.

Browsers run nothing in an SVG that is shown as an image; this holds where it is opened in another way too.
"""

import base64
import binascii
import re
from xml.etree import ElementTree as ET

LIMIT = 4_000
"""Bytes of a drawing."""
_VALUE = re.compile(r'url\(\s*"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"\s*\)')
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = {
    *("svg", "g", "defs", "title", "desc", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"),
    *("linearGradient", "radialGradient", "stop", "clipPath"),
}
_ADDRESS = re.compile(r"href|^on|style|src|base|^class$", re.IGNORECASE)
_ELSEWHERE = re.compile(r"url\s*\((?!\s*#)|:|@|expression|\\", re.IGNORECASE)


def shape_of(value: str) -> float:
    """How many times as wide as high the drawing in a `url("data:image/svg+xml;base64,...")` is. Raises ValueError."""
    found = _VALUE.fullmatch(value)
    if found is None:
        raise ValueError("not a drawing")
    try:
        text = base64.b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not a drawing") from None
    if len(text) > LIMIT or "<!" in text or "<?" in text:
        raise ValueError("too large, or with a doctype")
    try:
        root = ET.fromstring(text)  # noqa: S314 - no doctype, so no entity; and an operator's own file
    except ET.ParseError:
        raise ValueError("not well-formed") from None
    if root.tag != f"{_SVG}svg" or not all(_is_plain(element) for element in root.iter()):
        raise ValueError("not only shapes")
    return _proportion(root.get("viewBox", ""))


def _is_plain(element: ET.Element) -> bool:
    """Whether an element is a shape, whose attributes name nothing outside the drawing."""
    return element.tag in {f"{_SVG}{name}" for name in _SHAPES} and not any(
        _ADDRESS.search(name) or _ELSEWHERE.search(value) for name, value in element.items()
    )


def _proportion(box: str) -> float:
    numbers = box.replace(",", " ").split()
    if len(numbers) != 4 or not all(re.fullmatch(r"-?[0-9]{1,5}(\.[0-9]{1,6})?", number) for number in numbers):
        raise ValueError("without a viewBox")
    width, height = float(numbers[2]), float(numbers[3])
    if not (width > 0 and height > 0 and 0.2 <= width / height <= 5):
        raise ValueError("too long or too high")
    return width / height
