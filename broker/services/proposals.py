"""The agreement as the privacy officer sees it: which one is in force, and what is wrong with the one that is not."""

from broker.services.queue import Queue
from broker.services.screens import AgreementScreen


class Proposals(Queue):
    """The use cases around the agreement, of a privacy officer who signed in."""

    async def agreement(self, token: str) -> AgreementScreen:
        """What is in force, since when. Looking changes nothing; nothing in it is about anybody."""
        async with self._house.storage(writing=False) as work:
            await self.officer(work, token)
            current = await work.policies.in_force()
        return AgreementScreen(
            number=current.number if current else 0,
            digest=current.digest if current else "",
            since=current.since if current else None,
            refused=self._house.agreements.refused,
        )
