"""Bodies that go out: what was agreed, and who sits at a table."""

from datetime import date, datetime
from typing import Literal

from broker.api.schemas.incoming import Body


class RecipientOut(Body):
    """An organisation, in a role."""

    organisation: str
    role: str


class TaskOwnerOut(Body):
    """Whose it is: an organisation in a role, or somebody of the family; who, only the sender reads, by its own key."""

    organisation: str | None = None
    role: str | None = None
    family: bool
    person: str | None = None


class TaskChangeOut(Body):
    """What it became, when, and which organisation in which role said so; without one, the family did."""

    status: Literal["open", "under-way", "done", "dropped"]
    at: datetime
    by: RecipientOut | None = None


class TaskOut(Body):
    """Something that was agreed, by the id that it has in the text: whose it is, by which day, how far it is."""

    id: str
    owner: TaskOwnerOut
    due: date
    status: Literal["open", "under-way", "done", "dropped"]
    history: list[TaskChangeOut]


class AttendeeOut(RecipientOut):
    """Somebody at the table."""

    name: str


class MeetingOut(Body):
    """A meeting; everybody at the table is named to the sender and to who sits there, and not to their organisations."""

    on: date
    attendees: list[AttendeeOut] | None = None
