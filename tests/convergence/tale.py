"""A tale about one person and one group in events by hand, which no emulator would send."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.convergence.history import Event
from tests.convergence.mirror import user_states
from tests.convergence.truth import UserState
from tests.stack import Stack, new_event, user_data


class Tale:
    """Ann and the group Authors, of the stack's directory; times are in minutes."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.begin = datetime.now(UTC) - timedelta(hours=1)
        self.ann = user_data(stack, first_name="Ann", last_name="Lee")
        common = {key: self.ann[key] for key in ("directory_id", "organization_id")}
        number = self.ann["id"].removeprefix("directory_user_")
        self.authors = {**common, "id": f"directory_group_{number}", "name": "Authors"}
        self.directory = {
            "object": "directory",
            "id": stack.directory.id,
            "organization_id": stack.organization.id,
            "name": "Acme Okta",
            "type": "okta scim v2.0",
        }

    def event(self, minute: float, kind: str, data: dict[str, Any]) -> Event:
        moment = self.begin + timedelta(minutes=minute)
        return new_event(kind, data, created_at=moment.isoformat())

    def person(self, minute: float, kind: str, **more: Any) -> Event:
        return self.event(minute, f"dsync.user.{kind}", self.ann | more)

    def group(self, minute: float, kind: str, **more: Any) -> Event:
        return self.event(minute, f"dsync.group.{kind}", self.authors | more)

    def membership(self, minute: float, kind: str = "user_added", **ann: Any) -> Event:
        data = {
            "directory_id": self.stack.directory.id,
            "user": self.ann | ann,
            "group": self.authors,
        }
        return self.event(minute, f"dsync.group.{kind}", data)

    async def told(self, *events: Event, order: int = 1) -> UserState | None:
        """What the mirror says of Ann after these events."""
        for event in events[::order]:
            assert await self.stack.post_event(event) != "parked"
        async with self.stack.database.connect() as connection:
            found = await user_states(connection, self.stack.organization.id)
        return found.get(self.ann["idp_id"])

    async def roles(self, *events: Event, order: int = 1) -> list[str]:
        state = await self.told(*events, order=order)
        assert state is not None
        return state.roles
