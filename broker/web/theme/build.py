"""Makes `static/rondom.css` from two NL Design System packages and our own layout: `python -m broker.web.theme.build DIR`.

- DIR holds the unpacked npm packages `component-library-css` and `design-tokens`; README.md beside this file says how.
- Only the rules that a page uses are kept, and every token of theirs is replaced by its value: one small file.
- What may differ between light and dark, municipalities and scripts stays a custom property: `palette.css` is all of it.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "static" / "rondom.css"
BANNER = (
    "/* Rondom (EUPL-1.2). Holds parts of @utrecht/component-library-css and\n"
    "   @nl-design-system-unstable/voorbeeld-design-tokens, both EUPL-1.2: see LICENCES/. Made by theme/build.py. */\n"
)

COMPONENTS = re.compile(
    r"\.utrecht-("
    r"heading-[123]|paragraph(--lead)?|link|skip-link|button(--primary-action|--secondary-action)?|"
    r"form-label|form-field-description|form-field-error-message|textbox|select|"
    r"alert(--(ok|info|warning|error))?|table(__(header|body|cell|header-cell))?"
    r")((:focus-visible|:hover|:active|:focus|:visited|:disabled)|:not\((:disabled|:focus)[^)]*\))*"
)
"""The selectors that the pages use; a rule is kept for those, and only for those, of its selectors."""

UNWANTED = re.compile(r"page-break|-moz-|-webkit-|-ms-|break-inside|scale$|cursor-|--utrecht-")
"""Declarations that browsers of today do not need, or that would set a public token again."""

KEPT = "--rd-"
"""The beginning of the names of what stays alive in the stylesheet: see palette.css."""

Declarations = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One style rule."""

    selectors: tuple[str, ...]
    declarations: Declarations


def main(packages: Path) -> None:
    """Write the stylesheet."""
    tokens = {
        **_tokens((packages / "design-tokens" / "dist" / "variables.css").read_text("utf-8")),
        **_tokens((HERE / "tokens.css").read_text("utf-8")),
    }
    library = (packages / "component-library-css" / "dist" / "index.css").read_text("utf-8")
    rules = _flatten(tuple(_picked(library)), tokens)
    layout = _resolve_all((HERE / "layout.css").read_text("utf-8"), tokens)
    palette = _minified((HERE / "palette.css").read_text("utf-8"))
    TARGET.write_text(BANNER + palette + "".join(_written(rule) for rule in rules) + _minified(layout), "utf-8")
    sys.stdout.write(f"{TARGET}: {TARGET.stat().st_size} bytes\n")


def _tokens(css: str) -> dict[str, str]:
    return {m[1]: m[2].strip() for m in re.finditer(r"(--[\w-]+):\s*([^;]+);", css)}


def _picked(css: str) -> Iterator[Rule]:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    for block in re.finditer(r"([^{}]+)\{([^{}]*)\}", css):
        if css.count("{", 0, block.start()) != css.count("}", 0, block.start()):
            continue  # inside @media: the few that matter are in layout.css
        selectors = tuple(s for s in (s.strip() for s in _split(block[1], ",")) if COMPONENTS.fullmatch(s))
        if selectors:
            pairs = (d.partition(":") for d in _split(block[2], ";") if d.strip())
            kept = ((name.strip(), " ".join(value.split())) for name, _, value in pairs)
            # A button that was only tapped keeps its colour: going back, yes and no look alike again.
            selectors = tuple(s.replace(":focus:", ":focus-visible:") for s in selectors)
            yield Rule(selectors, tuple(d for d in kept if not UNWANTED.search(d[0])))


def _flatten(rules: Sequence[Rule], tokens: Mapping[str, str]) -> list[Rule]:
    """Resolve, and drop what resolves to nothing, until nothing changes any more."""
    while True:
        private = frozenset(name for rule in rules for name, _ in rule.declarations if name.startswith("--_"))
        used = " ".join(value for rule in rules for _, value in rule.declarations)
        smaller = []
        for rule in rules:
            resolved = ((name, _resolve(value, tokens, private)) for name, value in rule.declarations)
            kept = tuple(
                (name, _simple(value))
                for name, value in resolved
                if value is not None and not (name in private and not re.search(rf"{name}\b(?!-)", used))
            )
            if kept:
                smaller.append(Rule(rule.selectors, kept))
        if smaller == rules:
            return smaller
        rules = smaller


def _resolve(value: str, tokens: Mapping[str, str], private: frozenset[str]) -> str | None:
    """Replace each var(): by the token, else by its fallback; None when there is neither."""
    start = re.search(r"var\(", value)
    if start is None:
        return value
    end = _closing(value, start.end())
    name, _, fallback = (part.strip() for part in value[start.end() : end].partition(","))
    inner: str | None
    if name.startswith(KEPT):
        inner = f"\0({name})"
    elif name in tokens:
        inner = _resolve(tokens[name], tokens, private)
    else:
        inner = _resolve(fallback, tokens, private) if fallback else None
        if name in private:
            inner = f"\0({name}{'' if inner is None else ',' + inner})"
    if inner is None:
        return None
    rest = _resolve(value[: start.start()] + inner + value[end + 1 :], tokens, private)
    return None if rest is None else rest.replace("\0(", "var(")


def _resolve_all(css: str, tokens: Mapping[str, str]) -> str:
    asked = {m[1] for m in re.finditer(r"var\((--[\w-]+)", css)}
    missing = {name for name in asked if not name.startswith(KEPT)} - tokens.keys()
    if missing:
        raise SystemExit(f"layout.css uses unknown tokens: {', '.join(sorted(missing))}")
    while (found := re.search(rf"var\((?!{KEPT})(--[\w-]+)\)", css)) is not None:
        css = css.replace(found[0], tokens[found[1]])
    return css


def _simple(value: str) -> str:
    return re.sub(r"calc\(0 \* [^()]*\)", "0", value)


def _closing(text: str, start: int) -> int:
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError("unbalanced parentheses")


def _split(text: str, mark: str) -> Iterator[str]:
    depth, last = 0, 0
    for place, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == mark and depth == 0:
            yield text[last:place]
            last = place + 1
    yield text[last:]


def _written(rule: Rule) -> str:
    return ",".join(rule.selectors) + "{" + ";".join(f"{n}:{v}" for n, v in rule.declarations) + "}\n"


def _minified(css: str) -> str:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r"\s*([{};,])\s*|:\s+", lambda m: m[1] or ":", css)
    return css.replace(";}", "}").replace("}", "}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
