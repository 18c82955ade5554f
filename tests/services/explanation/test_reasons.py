"""The reasons say what the views decide, whatever happened (invariant 12)."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from backend.database import Database
from backend.models import User, access
from backend.schemas.access import Role
from backend.schemas.events import Source
from backend.services.events import intake, parsing
from backend.services.mirror.apply import merge
from backend.services.mirror.facts import HANDLERS
from backend.services.mirror.rows import Facts, Version, snapshot_row
from backend.workos.models import DirectoryUser
from backend.workos.scope import DirectoryScope
from tests.explaining import explained


class Fate:
    """An organization of its own in which anything may be said at any time."""

    numbers = itertools.count(1)

    def __init__(self) -> None:
        self.mark = f"fate{next(self.numbers):06d}"
        self.organization_id = f"org_{self.mark}"

    def directory(self, number: int) -> dict[str, Any]:
        return {"object": "directory", "id": f"directory_{self.mark}_{number}", "name": "Okta",
                "organization_id": self.organization_id, "type": "okta scim v2.0"}  # fmt: skip

    def user(self, number: int, state: str) -> dict[str, Any]:
        # The first two are one person under two ids; the last is in the second directory.
        return {"object": "directory_user", "id": f"directory_user_{self.mark}_{number}",
                "directory_id": self.directory(number // 2)["id"], "state": state,
                "organization_id": self.organization_id, "idp_id": f"00u{min(number, 1)}",
                "email": None, "first_name": "P", "last_name": str(number)}  # fmt: skip

    def group(self, number: int, name: str) -> dict[str, Any]:
        return {"object": "directory_group", "id": f"directory_group_{self.mark}_{number}",
                "directory_id": self.directory(0)["id"], "name": name, "idp_id": name,
                "organization_id": self.organization_id}  # fmt: skip

    def body(self, step: int, kind: str, who: int, which: int, second: int) -> bytes:
        state = {0: "inactive", 1: "suspended"}.get(second % 7, "active")
        name = ("Authors", "Admins", "Designers")[(which + second // 5) % 3]
        user, group = self.user(who, state), self.group(which, name)
        data: dict[str, Any] = group if ".group." in kind else user
        if "user_" in kind:
            data = {"directory_id": user["directory_id"], "user": user, "group": group}
        elif kind.count(".") == 1:
            data = self.directory(which)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        event_id = f"event_{self.mark}_{step:03d}"
        return json.dumps(
            {"id": event_id, "event": kind, "data": data, "created_at": at.isoformat()}
        ).encode()


steps = st.lists(
    st.tuples(
        st.sampled_from([*(kind for kind in HANDLERS if kind.startswith("dsync.")),
                         *["dsync.user.updated", "dsync.group.user_added"] * 3, "read", "list"]),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
async def test_invariant_12_the_reasons_agree_with_the_views(
    database: Database, drawn: list[tuple[str, int, int, int]]
) -> None:
    """Whatever is said, in whatever order: a reason is given exactly where a row is not live."""
    fate = Fate()
    async with database.connect() as connection:
        for number, (kind, who, which, second) in enumerate(drawn):
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
            if kind == "read":
                user = DirectoryUser.model_validate(fate.user(who, "active"))
                version = Version(at, f"snapshot_{number:03d}")
                await merge(connection, Facts(snapshots=[snapshot_row(user, version)]))
            elif kind == "list":
                await connection.execute(
                    text("UPDATE directories SET complete_as_of = :at, complete_id = :version"
                         " WHERE id = :id AND coalesce(complete_as_of < :at, true)"),
                    {"at": at, "version": f"snapshot_{number:03d}",
                     "id": fate.directory(which)["id"]},
                )  # fmt: skip
            else:
                body = fate.body(number, kind, who, which, second)
                read = parsing.read(body, Source.WEBHOOK, DirectoryScope())
                await intake.apply(connection, read)
        rows = await connection.execute(
            select(User.id, access.c.active, access.c.roles)
            .join(access, access.c.user_id == User.id)
            .where(User.organization_id == fate.organization_id)
        )
        derived = rows.all()
    for row in derived:
        found = await explained(database, fate.organization_id, row.id)
        assert (found.active, found.roles) == (row.active, row.roles)
        assert (found.refusal is None) == found.active
        assert found.active == any(entry.live for entry in found.directory_users)
        for entry in found.directory_users:
            assert entry.live == (entry.reason is None) == (entry.why_not is None), entry
        given_roles = set()
        for member in found.memberships:
            assert member.live == (member.reason is None) == (member.why_not is None), member
            given_roles |= {mapping.role for mapping in member.mappings if mapping.gives}
        assert set(found.roles) - {Role.MEMBER} == given_roles
