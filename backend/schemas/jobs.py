"""The background jobs, and how a service asks for one."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession


class Job(StrEnum):
    COUNT_DIRECTORIES = "count_directories"
    RECONCILE = "reconcile"
    MAIL_INVITATION = "mail_invitation"
    MAIL_BREAK_GLASS = "mail_break_glass"


class Schedule(StrEnum):
    """What runs by the clock, in one worker of the deployment at a time."""

    CATCH_UP = "catch_up"
    COUNT_HOURS = "count_hours"
    END_ACCESS = "end_access"
    READ_RETURNED = "read_returned"
    RETRY_PARKED = "retry_parked"
    SEAL_AUDIT = "seal_audit"
    TIDY_UP = "tidy_up"
    REQUEST_RECONCILIATIONS = "request_reconciliations"


# (session, job, payload): runs the job once the session's transaction has been committed.
Enqueue = Callable[[AsyncSession, Job, str], Awaitable[None]]
