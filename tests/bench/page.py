"""What was measured, kept in `var/bench.json` and shown in `docs/performance.md`; what was not measured now, stays."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import Result
from tests.bench.picture import bars, lines

ROOT = Path(__file__).resolve().parents[2]
PAGE, KEPT, PICTURES = ROOT / "docs/performance.md", ROOT / "var/bench.json", ROOT / "docs/performance"

GROWING = "How it grows"


def keep(results: Sequence[Result], path: Path = KEPT) -> None:
    """Into the file of results, by name, beside those of other matters."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept |= {result.name: result.as_json() for result in results}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def written(figure: float) -> str:
    """Three figures that count, and no powers of ten."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    rows = [f"| {r.what} | {r.ratio:.3g}x | {written(r.a)} {r.unit} | {written(r.b)} {r.unit} |" for r in results]
    return "\n".join(["| | ratio | ours | beside it |", "|---|--:|--:|--:|", *rows])


def show(name: str, title: str, results: Sequence[Result], page: Path = PAGE, pictures: Path = PICTURES) -> None:
    """Draw the matter's pictures, and put each with its table in their place on the page. Raises ValueError without a place."""
    pictures.mkdir(exist_ok=True)
    growing = [result for result in results if result.series is not None]
    steady = [result for result in results if result.series is None]
    shown: list[str] = []
    for picture in dict.fromkeys(result.picture for result in steady):
        file, said = (
            (f"{name}-{picture.replace(' ', '-').lower()}", f"{title}: {picture}") if picture else (name, title)
        )
        drawn_here = [result for result in steady if result.picture == picture]
        (pictures / f"{file}.svg").write_text(bars(said, drawn_here))
        shown += [f"![{said}](performance/{file}.svg)", table(drawn_here)]
    if growing:
        (pictures / f"{name}-growing.svg").write_text(lines(f"{GROWING}: {title}", growing))
        shown += [f"![{GROWING}: {title}](performance/{name}-growing.svg)", table(growing)]
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    drawn = "\n\n".join([begin, *shown, end])
    text, times = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: drawn, page.read_text(), flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{page.name} has no place for {name}: {begin} {end}")
    page.write_text(text)
