"""What was agreed, as it is stored: ids, owners, days and states; never what it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.tasks import Change, StatedTask, Task, TaskId


class TaskStore(Protocol):
    """Tasks of the versions in force, with their history."""

    async def state(self, handover: HandoverId, tasks: Sequence[StatedTask], now: datetime) -> None:
        """These are the tasks of the version in force: new ones begin open, known ones stay as far as they were.

        Who has one now that is due later hears of it then. What is not among them is no task any more.
        """

    async def of_handover(self, handover: HandoverId) -> Sequence[Task]:
        """All of the version in force, with every change, by day."""

    async def get(self, handover: HandoverId, task: str) -> Task | None:
        """One of the version in force; nobody else changes it until the commit."""

    async def change(self, task: Task, change: Change) -> None:
        """Keep the change; of what ended nobody is reminded, of what was taken up again when its day still comes."""

    async def received(self, handover: HandoverId, who: Recipient) -> bool:
        """Whether a section with agreements of it was ever released to this role."""

    async def owned_by(self, person: PersonId, sender: Oin) -> Sequence[HandoverId]:
        """The handovers of this sender in which something is this person's."""

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[HandoverId, TaskId]]:
        """Of which the owner is to be reminded, the longest waiting first."""

    async def reminded(self, handover: HandoverId, task: TaskId) -> bool:
        """Its moment is over. False when somebody else was first."""

    async def erase(self, handover: HandoverId) -> None:
        """Nothing of it stays."""
