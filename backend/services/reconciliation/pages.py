"""Asking WorkOS for listings patiently, and reading what it answers without trusting it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from backend.errors import WorkosUnavailable
from backend.schemas.text import storable_json
from backend.services.reconciliation.checkpoint import Circle, Patience
from backend.workos.client import WorkosClient, reading_time
from backend.workos.models import DirectoryCounts

_REST_SECONDS = 2  # between two looks at whether to stop, while WorkOS is left alone

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


class Tries:
    """Asks until there is an answer, or patience ends.

    Args:
        patience: with a WorkOS that fails.
        look_up: awaited before each request; raises to stop.
        note_trouble: awaited with why a request is tried again, and with None when it went well.
    """

    def __init__(
        self,
        patience: Patience,
        look_up: Callable[[], Awaitable[None]],
        note_trouble: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._patience = patience
        self._look_up = look_up
        self._note_trouble = note_trouble

    async def answer(self, call: Callable[[], Awaitable[T]]) -> T:
        tries, pause, longest_pause, longest_wait = self._patience
        failed = False
        while True:
            await self._look_up()
            tries -= 1
            try:
                answer = await call()
            except WorkosUnavailable as error:
                if tries <= 0:
                    raise
                failed = True
                await self._note_trouble(error.detail)
                await self._rest(min(max(pause, error.retry_after), longest_wait))
                pause = min(2 * pause, longest_pause)
            else:
                if failed:
                    await self._note_trouble(None)
                return answer

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            await self._look_up()
            await asyncio.sleep(min(seconds, _REST_SECONDS))
            seconds -= _REST_SECONDS


def parse(model: type[ModelT], item: object) -> ModelT:
    try:
        return model.model_validate(storable_json(item))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise WorkosUnavailable(
            f"WorkOS listed something that cannot be read: {field}: {first['msg']}."
        ) from error


async def list_directories(
    client: WorkosClient, organization_id: str | None = None
) -> tuple[list[DirectoryCounts], datetime]:
    """The directories of an organization, or all that there are, and the time of the reading.

    Raises:
        WorkosUnavailable: no usable answer.
    """
    filters = {"organization_id": organization_id} if organization_id else {}
    directories: list[DirectoryCounts] = []
    as_of: datetime | None = None
    after: str | None = None
    circle = Circle()
    while True:
        page = await client.list_page("directories", after, **filters)
        if page is None:
            return await _among_all(client, organization_id)
        as_of = as_of or reading_time()
        for item in page.items:
            directory = parse(DirectoryCounts, item)
            if organization_id not in {None, directory.organization_id}:
                raise WorkosUnavailable("WorkOS listed another organization's directory.")
            directories.append(directory)
        after = page.following
        if after is None:
            return directories, as_of
        if circle.closes(after):
            raise WorkosUnavailable("WorkOS's list of directories goes round in circles.")


async def _among_all(
    client: WorkosClient, organization_id: str | None
) -> tuple[list[DirectoryCounts], datetime]:
    """Of an organization that WorkOS does not know: without it there is a list, or no WorkOS."""
    if organization_id is None:
        raise WorkosUnavailable(
            "What answers at WORKOS_BASE_URL is not WorkOS: it has no list of directories (404)."
        )
    directories, as_of = await list_directories(client)
    return [each for each in directories if each.organization_id == organization_id], as_of
