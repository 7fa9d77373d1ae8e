"""Styles, scripts and pictures: read at start, named after their content, kept by browsers for ever."""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from broker.web.kit.headers import protect
from broker.web.kit.site import Site
from broker.web.theme.municipal import Theme

FOLDER = Path(__file__).parent.parent / "static"


class Assets:
    """The files that pages may refer to."""

    def __init__(self, folder: Path) -> None:
        self._address: dict[str, str] = {}
        self._file: dict[str, tuple[str, bytes, bytes]] = {}
        for path in sorted(folder.iterdir()):
            kind, _ = mimetypes.guess_type(path.name)
            if not path.is_file() or path.suffix not in {".css", ".js", ".svg"} or kind is None:
                continue
            content = path.read_bytes()
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            self._address[path.name] = f"/static/{name}"
            self._file[name] = (kind, content, gzip.compress(content, mtime=0))

    def address(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError for a file that is not there."""
        return self._address[name]

    def router(self, site: Site) -> APIRouter:
        """Serves them."""
        router = APIRouter(include_in_schema=False)
        served = self._file | _of(site.theme)

        @router.api_route("/static/{name}", methods=["GET", "HEAD"])
        async def asset(name: str, request: Request) -> Response:
            if name not in served:
                raise HTTPException(404)
            kind, content, packed = served[name]
            gzipped = "gzip" in request.headers.get("accept-encoding", "")
            response = Response(packed if gzipped else content, media_type=kind)
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
            response.headers["Vary"] = "Accept-Encoding"
            if gzipped:
                response.headers["Content-Encoding"] = "gzip"
            protect(response, site)
            return response

        return router


def _of(theme: Theme) -> dict[str, tuple[str, bytes, bytes]]:
    """The file of a municipality's look, where there is one."""
    return {theme.name: ("text/css", theme.css, gzip.compress(theme.css, mtime=0))} if theme.name else {}


@cache
def assets() -> Assets:
    """Our own files, read once."""
    return Assets(FOLDER)
