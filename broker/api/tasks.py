"""What was agreed, over HTTP: its owner says how far it is. What it is stands in the section, which only a release gives."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import ID, AsProfessional, Id, Use
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import RecipientOut, TaskChangeOut, TaskOut, TaskOwnerOut, TaskStatusBody
from broker.domain.parties import PersonId, Recipient
from broker.domain.tasks import Owner, Status, Task
from broker.errors import NotFound

router = APIRouter(prefix="/v1", tags=["handovers"])


async def task_of(task: Annotated[str, Path()]) -> str:
    """The task's id in the path. Raises NotFound for what cannot be one."""
    if not ID.fullmatch(task):
        raise NotFound
    return task


TaskInPath = Annotated[str, Depends(task_of)]


@router.post(
    "/handovers/{id}/tasks/{task}/status",
    **documented(
        "Say how far something is that was agreed",
        TaskOut,
        200,
        body=TaskStatusBody,
        errors=(401, 403, 404, 409, 413, 415, 422),
    ),
)
async def change(
    request: Request,
    api: Use,
    professional: AsProfessional,
    id: Id,  # noqa: A002 - the name in the path
    task: TaskInPath,
    key: RetryKey = "",
) -> Response:
    """By its owner alone: somebody in the organisation and role that have it, to whom its text was released and is open.

    What is done or dropped can only be taken up again. The same status again changes nothing; each change is logged.
    """
    raw = await read_json(request)
    status = Status(read_as(TaskStatusBody, raw).status)
    attempt = attempt_of(key, professional, "task-status", id, task, raw)
    return answer(task_out(await api.tasks.change(professional, id, task, status, attempt), {}))


def task_out(task: Task, keys: Mapping[PersonId, str]) -> TaskOut:
    """A task as it goes out; `keys` are the sender's own for people, for the sender alone."""
    return TaskOut.model_construct(
        id=task.id,
        owner=_owner(task.owner, keys),
        due=task.due,
        status=task.status.value,
        history=[
            TaskChangeOut.model_construct(status=one.status.value, at=one.at, by=_recipient(one.by) if one.by else None)
            for one in task.history
        ],
    )


def _owner(owner: Owner, keys: Mapping[PersonId, str]) -> TaskOwnerOut:
    if isinstance(owner, Recipient):
        return TaskOwnerOut.model_construct(organisation=owner.organisation, role=owner.role, family=False)
    return TaskOwnerOut.model_construct(family=True, person=keys.get(owner))


def _recipient(one: Recipient) -> RecipientOut:
    return RecipientOut.model_construct(organisation=one.organisation, role=one.role)
