"""Pages are sent compressed, except where the size of a compressed page could tell a stranger what is in it.

- Who makes a browser ask us again and again, and sees how long each answer is, can guess a secret that is compressed
  together with what they chose themselves (BREACH). Such requests come from a page of theirs, and browsers say so
  (`Sec-Fetch-Site`, Fetch Metadata): a page of a visit is compressed only for our own pages and for the address bar.
- What is not there and what is not yours answer with the same number of bytes (P08): that page is never compressed, for
  its size would follow the address that it was asked for.
- A browser that does not say where a request comes from gets a visit's pages as they are.
"""

import gzip

from fastapi import Request, Response

_OURS = ("same-origin", "none")
_LEAST = 600
"""Bytes below which it does not pay."""


def pack(request: Request, response: Response, *, private: bool) -> Response:
    """Compress a page, if the browser can read that and no stranger could learn from it. `private`: it belongs to a visit."""
    response.headers["Vary"] = "Cookie, Accept-Language, Accept-Encoding, Sec-Fetch-Site"
    told = request.headers.get("sec-fetch-site", "")
    readable = "gzip" in request.headers.get("accept-encoding", "")
    there = response.status_code != 404
    if readable and there and len(response.body) >= _LEAST and (not private or told in _OURS):
        response.body = gzip.compress(response.body, compresslevel=6, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response
