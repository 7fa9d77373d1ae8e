"""What a consent record means, for anybody: the JSON-LD context that every record names. It never changes.

A record names its context by a URN, so that no processor fetches something while it reads what a family said; whoever
wants to read records as JSON-LD gets the context here once, and supplies it.
"""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response

from broker.api.answers import documented

router = APIRouter(prefix="/v1/contexts", tags=["directory"])
_RECORD = (files("broker.domain") / "contexts" / "consent-record-1.jsonld").read_bytes()
_FOREVER = "public, max-age=31536000, immutable"


@router.get("/consent-record-1.jsonld", **documented("The JSON-LD context of consent records", None, 200))
async def consent_record() -> Response:
    """Its terms: ISO/IEC TS 27560 in W3C's DPV. A new version gets an address of its own."""
    return Response(_RECORD, headers={"Cache-Control": _FOREVER}, media_type="application/ld+json")
