"""Pictures of pages, small enough to keep: 32 colours at most (PNG, colour type 3), the commonest of the page."""

import base64
import re
import struct
import sys
import zlib
from pathlib import Path

from playwright.sync_api import Page

NAMES = {"nl": "Dutch", "en": "English", "ar": "Arabic"}
_STEM = re.compile(r"(.+)-([a-z]{2})(?:-(\d+))?")
_COUNT = """async picture => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, image.width, image.height).data, counts = new Map();
  const colour = place => bytes[place] << 16 | bytes[place + 1] << 8 | bytes[place + 2];
  for (let place = 0; place < bytes.length; place += 4) counts.set(colour(place), (counts.get(colour(place)) || 0) + 1);
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 32).map(pair => pair[0]);
  const nearest = new Map(palette.map((one, place) => [one, place]));
  const far = (a, b) => [16, 8, 0].reduce((sum, shift) => sum + ((a >> shift & 255) - (b >> shift & 255)) ** 2, 0);
  const find = one => {
    if (!nearest.has(one)) nearest.set(one, palette.reduce((best, other, place) => far(one, other) < far(one, palette[best]) ? place : best, 0));
    return nearest.get(one);
  };
  let text = "";
  for (let place = 0; place < bytes.length; place += 4) text += String.fromCharCode(find(colour(place)));
  return [image.width, image.height, palette, btoa(text)];
}"""


def keep_picture(page: Page, path: Path) -> None:
    """Write a picture of the whole page."""
    taken = base64.b64encode(page.screenshot(full_page=True)).decode()
    aside = page.context.new_page()  # an empty page, without the policy that pages have
    try:
        width, height, palette, places = aside.evaluate(_COUNT, taken)
    finally:
        aside.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_png(width, height, palette, base64.b64decode(places)))


def _png(width: int, height: int, palette: list[int], places: bytes) -> bytes:
    """A picture with a palette (ISO/IEC 15948), one byte a pixel."""
    lines = b"".join(b"\0" + places[row * width : (row + 1) * width] for row in range(height))
    colours = b"".join(colour.to_bytes(3, "big") for colour in palette)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def write_page(folder: Path) -> None:
    """The page that shows all pictures of a folder, language by language, in the order in which they were taken."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path in sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime_ns):
        name, language, width = _STEM.fullmatch(path.stem).groups(default="")  # type: ignore[union-attr]
        area = "The console" if name.startswith("console-") else "A family's pages"
        words = name.removeprefix("console-").replace("-", " ") + (f", {width} wide" if width else "")
        found.setdefault((area, language), []).append((words, path.name))
    lines = [
        "# Pages, as they are",
        "",
        "Made by `make screenshots` from a real broker with an invented family; not edited.",
        "",
    ]
    for (area, language), pictures in found.items():
        lines += [f"## {area}, in {NAMES[language]}", ""]
        for words, file in pictures:
            lines += [f"### {words.capitalize()} ({language})", "", f"![{words}]({file})", ""]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    write_page(Path(sys.argv[1]))
