"""Trying a transaction again that was in another one's way."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from backend.database.faults import takes_turns

_ATTEMPTS = 5

T = TypeVar("T")


async def take_turns(transaction: Callable[[], Awaitable[T]]) -> T:
    """The transaction's result, of the first attempt that no other transaction was in the way of.

    Raises:
        DBAPIError, asyncpg.PostgresError: of the last attempt, or of another kind.
    """
    return await AsyncRetrying(
        retry=retry_if_exception(takes_turns),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random(max=0.1),
        reraise=True,
    )(transaction)
