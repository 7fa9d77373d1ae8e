"""Every text of the pages in every language, read from `locale/*/LC_MESSAGES/messages.po` at start.

- The source texts are English; a language is a folder, and nothing else has to change to add one.
- Days are days in the Netherlands; dates, times and lists are written as the language writes them.
- What is missing in a language of families is Dutch, and marked as such: somebody nearby can read it out.
"""

import gettext
import io
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from broker.domain.calendar import AMSTERDAM
from broker.domain.forms.timeline import Moment
from broker.errors import Words

LOCALE = Path(__file__).parent.parent / "locale"
OWN_NAMES = {
    "nl": "Nederlands",
    "en": "English",
    "ar": "العربية",
    "tr": "Türkçe",
    "pl": "Polski",
    "uk": "Українська",
    "ti": "ትግርኛ",
}
"""What each language calls itself, in the order in which they are offered."""
_AS_WRITTEN = {"en": "en_GB"}
"""Whose habits are followed where the language alone does not say: no comma before the last of a list."""

_COMMA = {"ar": "\N{ARABIC COMMA}", "ti": "\N{ETHIOPIC COMMA}"}


def catalogue(language: str) -> Catalog:
    """The catalogue as it stands in its file."""
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


class Texts:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(_AS_WRITTEN.get(language, language))
        messages = catalogue(language)
        self._messages = {m.id: str(m.string) for m in messages if isinstance(m.id, str) and m.id and m.string}
        self._numbered = _compiled(messages)

    def gettext(self, message: str) -> str:
        """The text in this language; the English source when it is missing."""
        return self._messages.get(message) or message

    def ngettext(self, one: str, many: str, count: int) -> str:
        """As gettext, in the form that the language has for that number."""
        return self._numbered.ngettext(one, many, count)

    def words(self, words: Words) -> str:
        """A text of the domain; in Dutch when this language does not have it."""
        return self.known(words) or words.nl

    def known(self, words: Words) -> str | None:
        """A text of the domain: as it brings it along, else as the catalogue has it."""
        return words.said_in(self.language) or self._messages.get(words.en)

    def marked(self, words: Words) -> str:
        """As `words`, for a page: a text that is in Dutch there says so."""
        known = self.known(words)
        return known or Markup('<span lang="nl" dir="ltr">{}</span>').format(words.nl)

    def day(self, day: date) -> str:
        """`21 november 2026`."""
        return format_date(day, "d MMMM y", locale=self._locale)

    def exactly(self, moment: Moment) -> str:
        """As exactly as it is known: `12 maart 2025`, `maart 2025` or `2025`."""
        form = ("y", "LLLL y", "d MMMM y")[moment.text.count("-")]
        return format_date(moment.first, form, locale=self._locale)

    def moment(self, instant: datetime) -> str:
        """Day and time in the Netherlands: `21 november 2026, 14:05`."""
        form = f"d MMMM y{_COMMA.get(self.language, ',')} HH:mm"
        return format_datetime(instant, form, tzinfo=AMSTERDAM, locale=self._locale)

    def clock(self, instant: datetime) -> str:
        """For a column of a table, to the second: `21-11-2026 14:05:09`."""
        return format_datetime(instant, "dd-MM-y HH:mm:ss", tzinfo=AMSTERDAM, locale=self._locale)

    def listed(self, items: Iterable[str]) -> str:
        """`a, b en c`."""
        return format_list(list(items), locale=self._locale)

    def kept_apart(self, items: Iterable[str]) -> str:
        """As `listed`, for a page: each of them with its own direction."""
        if not self.from_the_right:
            return self.listed(items)
        each = [str(Markup("<bdi>{}</bdi>").format(item)) for item in items]
        return Markup(self.listed(each))  # noqa: S704  the words between are those of CLDR

    def apart(self, value: str) -> str:
        """A value within a text of a page: with its own direction where the page runs from the right."""
        if not self.from_the_right or isinstance(value, Markup):
            return value
        return Markup("<bdi>{}</bdi>").format(value)

    @property
    def from_the_right(self) -> bool:
        """Whether the language is written from right to left."""
        return self.direction == "rtl"

    @cached_property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML writes it."""
        return self._locale.text_direction

    @property
    def name(self) -> str:
        """What the language calls itself: `Nederlands`."""
        return OWN_NAMES[self.language]


def _compiled(messages: Catalog) -> gettext.GNUTranslations:
    """The same as the standard library has it, which knows how many forms a language has for a number."""
    file = io.BytesIO()
    write_mo(file, messages)
    file.seek(0)
    return gettext.GNUTranslations(file)


@cache
def texts(language: str) -> Texts:
    """The texts of a language, read once."""
    return Texts(language)
