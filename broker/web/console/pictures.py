"""How much, as pictures with their numbers behind them; nothing in them is about a person."""

from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response
from markupsafe import Markup

from broker.errors import NotFound
from broker.services.pictures import Chart, Period, PicturesScreen, Span
from broker.web.console.visits import Visits
from broker.web.kit.charts import Column, bars, columns, swatch
from broker.web.kit.pages import Pages
from broker.web.kit.texts import Texts, texts


class PicturesService(Protocol):
    """See `broker.services.pictures.Pictures`."""

    async def screen(self, token: str, period: Period) -> PicturesScreen:
        """The counts of a period."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture with the table that says the same. `legend` is empty where there is one kind alone."""

    key: str
    title: str
    svg: Markup
    legend: tuple[tuple[Markup, str], ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


class PicturesPages:
    """One page, for each period."""

    def __init__(self, pictures: PicturesService, visits: Visits, pages: Pages) -> None:
        self._pictures = pictures
        self._visits = visits
        self._pages = pages

    async def first(self, request: Request) -> Response:
        """The last thirty days."""
        return await self._show(request, Period.DAYS)

    async def period(self, request: Request) -> Response:
        """The period of the address."""
        asked = request.path_params["period"]
        if asked not in set(Period):
            raise NotFound
        return await self._show(request, Period(asked))

    async def _show(self, request: Request, period: Period) -> Response:
        visit = await self._visits.signed_in(request)
        screen = await self._pictures.screen(visit.token, period)
        its = texts(self._pages.language(request))
        drawn = [_drawn(chart, its) for chart in screen.charts]
        for amounts in screen.amounts:
            named = [(its.words(words), number) for words, number in amounts.rows]
            title = its.words(amounts.title)
            svg = bars(title, _said(named), named)
            rows = tuple((name, (number,)) for name, number in named)
            drawn.append(Drawn(amounts.key, title, svg, (), (), rows))
        return self._pages.show(
            request,
            "console/pictures.html",
            visitor=visit.visitor,
            screen=screen,
            drawn=drawn,
            periods=tuple(Period),
        )


def _drawn(chart: Chart, its: Texts) -> Drawn:
    names = [its.words(part) for part in chart.parts]
    labels = [_label(span, its) for span in chart.spans]
    title = its.words(chart.title)
    totals = [(name, sum(counts[place] for counts in chart.counts)) for place, name in enumerate(names)]
    svg = columns(chart.key, title, _said(totals), [Column(*each) for each in zip(labels, chart.counts, strict=True)])
    legend = tuple((swatch(chart.key, place), name) for place, name in enumerate(names))
    return Drawn(chart.key, title, svg, legend, tuple(names), tuple(zip(labels, chart.counts, strict=True)))


def _said(totals: list[tuple[str, int]]) -> str:
    """What the picture says, for who does not see it: the table has the rest."""
    return "; ".join(f"{name}: {number}" for name, number in totals)


def _label(span: Span, its: Texts) -> str:
    if span.first == span.last:
        return its.day(span.first)
    return f"{its.day(span.first)} – {its.day(span.last)}"
