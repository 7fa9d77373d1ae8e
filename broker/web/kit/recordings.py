"""Recordings of sentences, spoken by somebody: from one folder of this machine, and only for the very text that is shown.

- A file is `LANGUAGE/DIGEST.mp3` (or .ogg, .m4a, .wav); the digest is that of the sentence (`broker.domain.speech`).
- Whatever has another name, is too large, or is a link, is not there. Nothing comes from elsewhere.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from broker.domain.speech import digest_of, sentences
from broker.web.kit.headers import protect
from broker.web.kit.site import Site

KINDS = {".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".m4a": "audio/mp4", ".wav": "audio/wav"}
LARGEST = 5_000_000
"""Bytes in one recording: a sentence takes a few seconds."""
_NAME = re.compile(r"[0-9a-f]{64}\.(mp3|ogg|m4a|wav)", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)


class Recordings:
    """The files of a folder; of none when there is no folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, Mapping[str, str]]] = {}

    def __bool__(self) -> bool:
        """Whether pages may play recordings at all."""
        return self._folder is not None

    def address(self, language: str, sentence: str) -> str:
        """Where a page finds the recording of exactly this sentence; empty when there is none."""
        name = self.names(language).get(digest_of(sentence)) if self else None
        return f"/audio/{language}/{name}" if name else ""

    def names(self, language: str) -> Mapping[str, str]:
        """The file of each digest in a language. A folder that changed is read anew."""
        if self._folder is None or not _LANGUAGE.fullmatch(language):
            return {}
        place = self._folder / language
        try:
            changed = place.stat().st_mtime_ns
            if self._seen.get(language, (0, {}))[0] != changed:
                kept = (path for path in sorted(place.iterdir()) if _plain(path))
                self._seen[language] = changed, {path.stem: path.name for path in kept}
        except OSError:
            return {}
        return self._seen[language][1]

    def file(self, language: str, name: str) -> Path | None:
        """The file behind an address, if there is one."""
        if self._folder is None or self.names(language).get(name.partition(".")[0]) != name:
            return None
        path = self._folder / language / name
        return path if _plain(path) else None


def _plain(path: Path) -> bool:
    """Whether it is a small file of its own with a name of ours."""
    named = _NAME.fullmatch(path.name) is not None
    return named and not path.is_symlink() and path.is_file() and path.stat().st_size <= LARGEST


@pass_context
def aloud(context: Context, text: str) -> Markup:
    """The text with each sentence marked to be read aloud, and with its recording where there is one."""
    if isinstance(text, Markup):  # a label that says by itself in which language it is: no recording of that one
        return Markup("<span data-aloud>{}</span>").format(text)
    site = context.get("site")
    language = str(context["language"])
    marked = []
    for sentence in sentences(text):
        address = site.recordings.address(language, sentence) if site is not None else ""
        value = Markup('="{}"').format(address) if address else Markup("")
        marked.append(Markup("<span data-aloud{}>{}</span>").format(value, escape(sentence)))
    return Markup(" ").join(marked)


def recordings_router(site: Site) -> APIRouter:
    """Serves them, also in ranges (RFC 9110, section 14), which some players insist on."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/audio/{language}/{name}", methods=["GET", "HEAD"])
    async def recording(language: str, name: str, request: Request) -> Response:
        path = site.recordings.file(language, name) if language in site.languages else None
        if path is None:
            response = Response(status_code=404)
        else:
            response = FileResponse(path, media_type=KINDS[path.suffix])
            response.headers["Cache-Control"] = "public, max-age=86400"
        protect(response, site)
        return response

    return router
