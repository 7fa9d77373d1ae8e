"""Of what the broker answers: what was agreed, and who sits at a table. See `broker.client.answers`."""

from typing import Literal, NotRequired, TypedDict


class Recipient(TypedDict):
    """An organisation, in a role."""

    organisation: str
    role: str


class TaskOwner(TypedDict):
    """Whose it is: an organisation in a role, or somebody of the family; who, only the sender reads, by its own key."""

    organisation: NotRequired[str]
    role: NotRequired[str]
    family: bool
    person: NotRequired[str]


class TaskChange(TypedDict):
    """What it became, when, and which organisation in which role said so; without one, the family did."""

    status: Literal["open", "under-way", "done", "dropped"]
    at: str
    by: NotRequired[Recipient]


class Task(TypedDict):
    """Something that was agreed, by the id that it has in the text: whose it is, by which day, how far it is."""

    id: str
    owner: TaskOwner
    due: str
    status: Literal["open", "under-way", "done", "dropped"]
    history: list[TaskChange]


class Attendee(Recipient):
    """Somebody at the table."""

    name: str


class Meeting(TypedDict):
    """A meeting; everybody at the table is named to the sender and to who sits there, and not to their organisations."""

    on: str
    attendees: NotRequired[list[Attendee]]
