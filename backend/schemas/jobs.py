"""The background jobs, and how a service asks for one."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession


class Job(StrEnum):
    RECONCILE = "reconcile"


# (session, job, payload): runs the job once the session's transaction has been committed.
Enqueue = Callable[[AsyncSession, Job, str], Awaitable[None]]
