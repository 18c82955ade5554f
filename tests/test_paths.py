"""The paths that docs/architecture.md walks are those that a request takes."""

import re
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.stack import Stack, new_event, user_data

ROOT = Path(__file__).parent.parent
BACKEND = ROOT / "backend"

# Steps are what decides or does something; values are only passed on.
_VALUES = ("schemas/", "models/", "workos/models.py", "workos/scope.py", "settings.py")


class Walk(list[tuple[str | None, str]]):
    """From which module of ours each was entered, in order."""

    @property
    def steps(self) -> list[str]:
        """Each once, as it was first entered."""
        return [*dict.fromkeys(to for _, to in self if not to.startswith(_VALUES))]

    @property
    def services(self) -> list[tuple[str | None, str]]:
        return [*dict.fromkeys(step for step in self if step[1].startswith("services/"))]


def _module(frame: FrameType | None) -> str | None:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(BACKEND):
            return str(path.relative_to(BACKEND))
        frame = frame.f_back
    return None


@contextmanager
def following() -> Iterator[Walk]:
    walk = Walk()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(BACKEND)):
            to, since = _module(frame), _module(frame.f_back)
            if to is not None and to != since:
                walk.append((since, to))

    sys.setprofile(note)
    try:
        yield walk
    finally:
        sys.setprofile(None)


async def walked(stack: Stack, request: Awaitable[object]) -> Walk:
    await stack.app.state.news.close()  # what is behind earlier answers
    with following() as walk:
        await request
    return walk


def documented(heading: str) -> list[str]:
    """The modules that the numbered list below a heading begins its items with."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    items = re.findall(r"^\d+\. (.*?):\s", section, re.MULTILINE | re.DOTALL)
    return re.findall(r"`([a-z_/]+\.py)`", "\n".join(items))


async def test_a_webhook(stack: Stack) -> None:
    ann = user_data(stack)
    group = {
        "id": ann["id"].replace("user", "group"),
        "directory_id": ann["directory_id"],
        "organization_id": ann["organization_id"],
        "name": "Writers",
    }
    added = {"directory_id": ann["directory_id"], "user": ann, "group": group}
    await stack.post_event(new_event("dsync.user.created", user_data(stack)))  # all is compiled
    walk = await walked(stack, stack.post_event(new_event("dsync.group.user_added", added)))
    assert walk.steps == documented("One webhook: `POST /api/directory-sync`")
    assert walk.services == [
        ("http/deliveries.py", "services/events/parsing.py"),
        ("services/events/parsing.py", "services/mirror/facts.py"),
        ("services/mirror/facts.py", "services/mirror/rows.py"),
        ("routers/directory_sync.py", "services/events/intake.py"),
        ("database/event_batches.py", "services/events/intake.py"),  # with what else waits
    ]


async def test_a_page_of_posts(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    await ann.post("/posts", json={"title": "Title", "content": "…"})
    await ann.get("/posts")
    walk = await walked(stack, ann.get("/posts"))
    assert walk.steps == documented("One request: `GET /posts`")
    assert walk.services == [
        ("http/guards.py", "services/sessions.py"),
        ("routers/posts.py", "services/posts/lists.py"),
        ("services/posts/lists.py", "services/sessions.py"),
        ("http/guards.py", "services/last_uses.py"),
    ]
