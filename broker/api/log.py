"""The public side of the log: signed checkpoints, tiles and proofs; hashes only, for anybody."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from broker.api.answers import documented
from broker.api.deps import ID, Use
from broker.errors import NotFound

router = APIRouter(prefix="/v1/log", tags=["log"])
_FOREVER = "public, max-age=31536000, immutable"


@router.get("/checkpoint", **documented("The latest checkpoint", None, 200, errors=(404,)))
async def checkpoint(api: Use) -> PlainTextResponse:
    """A signed note (C2SP tlog-checkpoint), with the cosignatures of witnesses so far; it waits for none of them."""
    return PlainTextResponse(await api.cosigned.checkpoint(), headers={"Cache-Control": "no-cache"})


@router.get(
    "/cosigned-checkpoint", **documented("The latest checkpoint with enough witnesses", None, 200, errors=(404,))
)
async def cosigned(api: Use) -> PlainTextResponse:
    """The newest that enough of this broker's witnesses cosigned (C2SP tlog-cosignature): a second or so behind."""
    return PlainTextResponse((await api.cosigned.cosigned())[1], headers={"Cache-Control": "no-cache"})


@router.get("/keys", **documented("The log's keys", None, 200))
async def keys(api: Use) -> PlainTextResponse:
    """The verifier keys (C2SP signed-note), one a line. Compare them with what you got some other way."""
    return PlainTextResponse("".join(f"{key}\n" for key in api.log.verifier_keys()))


@router.get("/tile/{path:path}", **documented("A tile of the log", None, 200, errors=(400, 404)))
async def tile(path: str, api: Use) -> Response:
    """The hashes of one tile (C2SP tlog-tiles); a full one never changes."""
    data = await api.log.tile(f"tile/{path}")
    cache = "no-cache" if ".p/" in path else _FOREVER
    return Response(data, headers={"Cache-Control": cache}, media_type="application/octet-stream")


@router.get("/proofs/{entry}", **documented("An inclusion proof", None, 200, errors=(400, 404)))
async def proof(entry: str, api: Use) -> PlainTextResponse:
    """That an entry, by its id or its place, is in the latest checkpoint (C2SP tlog-proof, RFC 9162 section 2.1.3)."""
    if not (ID.fullmatch(entry) or (entry.isascii() and entry.isdigit())):
        raise NotFound
    return PlainTextResponse(await api.log.proof_of(entry), headers={"Cache-Control": "no-cache"})


@router.get("/cosigned-proofs/{entry}", **documented("An inclusion proof with witnesses", None, 200, errors=(400, 404)))
async def cosigned_proof(entry: str, api: Use) -> PlainTextResponse:
    """The same against the checkpoint of /cosigned-checkpoint; not there while that one does not cover the entry."""
    if not (ID.fullmatch(entry) or (entry.isascii() and entry.isdigit())):
        raise NotFound
    proof = await api.log.proof_of(entry, await api.cosigned.cosigned())
    return PlainTextResponse(proof, headers={"Cache-Control": "no-cache"})
