"""How handing over goes, in counts of a quarter; nothing in them is about a person."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.deps import AsOrganisation, Use
from broker.api.schemas import IndicatorOut, IndicatorsOut
from broker.domain.indicators import Quarter
from broker.services.indicators import IndicatorLine

router = APIRouter(prefix="/v1", tags=["directory"])


@router.get("/indicators", **documented("How handing over goes", IndicatorsOut, 200, errors=(400, 401, 403, 404)))
async def indicators(
    api: Use,
    organisation: AsOrganisation,
    quarter: Annotated[str, Query(description="such as 2026-Q3", pattern=r"^([1-9][0-9]{3}-Q[1-4])?$")] = "",
) -> Response:
    """Counts of a quarter that is over, the latest unless you name one, and of your own part; 404 for one that is not there.

    A `value` of null stays hidden: it is under five, or would give away what is.
    """
    found = await api.indicators.of(organisation.oin, Quarter.parse(quarter) if quarter else None)
    return answer(
        IndicatorsOut.model_construct(
            quarter=found.sheet.quarter.text if found.sheet else None,
            quarters=[one.text for one in found.quarters],
            items=[_line(line) for line in found.lines()],
        )
    )


def _line(line: IndicatorLine) -> IndicatorOut:
    return IndicatorOut.model_construct(
        indicator=line.indicator,
        measure=line.measure,
        month=line.month or None,
        kind=line.kind or None,
        region=line.region or None,
        own=line.own,
        value=line.value,
    )
