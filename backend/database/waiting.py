"""Waiting for what somebody else answers, for so long at most."""

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def in_time(answer: "asyncio.Future[T]", deadline: float) -> T:
    """What is answered; TimeoutError where it is not, by then (the loop's clock).

    A clock of the loop's own costs a fifth of a timeout's, which half of all requests need.
    """
    clock = asyncio.get_running_loop().call_at(deadline, _give_up, answer)
    try:
        return await answer
    finally:
        clock.cancel()


def _give_up(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
