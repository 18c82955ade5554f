"""The audit log is sealed: whatever is changed, added or taken away afterwards is noticed."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.database import Database, horizon
from backend.schemas.audit_log import AuditErasureCreate
from backend.services.audit_log import erasures, retention, seals
from backend.services.audit_log.verification import KnownSeal, Report, verify
from tests.owner import execute_as_owner, owning
from tests.stack import Stack

MAY = "SET LOCAL rollcall.audit_change = 'on'"


@pytest.fixture
def here() -> str:
    return f"org_{uuid4().hex}"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "MOST", 10)


async def write(database: Database, here: str, many: int = 25, ago: str = "1 hour") -> None:
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO audit_events (organization_id, id, at, action, subject_id, detail)
                SELECT :here, gen_random_uuid(), now() - CAST(CAST(:ago AS text) AS interval)
                    + n * interval '1 second', 'post.created', 'p' || n,
                    jsonb_build_object('name', 'Ann ' || n)
                FROM generate_series(1, :many) AS n
            """),
            {"here": here, "ago": ago, "many": many},
        )


@contextmanager
def nothing_newer_than(margin: str) -> Iterator[None]:
    """Seal up to so long ago, and not up to some seconds ago."""
    earlier = text(str(horizon._HORIZON).replace("'10 seconds'", f"'{margin}'"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(horizon, "_HORIZON", earlier)
        yield


async def sealed(database: Database, here: str) -> Report:
    await write(database, here)
    with nothing_newer_than("50 minutes"):
        assert await seals.seal(database, here) == (3, 25)
    report = await verify(database, here)
    assert report.trouble is None
    return report


async def test_what_was_written_is_sealed_and_intact(database: Database, here: str) -> None:
    report = await sealed(database, here)
    assert report.last is not None
    assert (report.first, report.last.number, report.entries, report.unsealed) == (1, 3, 25, 0)
    await write(database, here, 3, "0 seconds")  # too new
    assert await seals.seal(database, here) == (0, 0)
    assert (await verify(database, here)).unsealed == 3
    await write(database, here, 4, "30 minutes")
    assert await seals.seal(database, here) == (1, 4)
    assert await seals.seal(database, here) == (0, 0)
    report = await verify(database, here)
    assert (report.entries, report.unsealed, report.trouble) == (29, 3, None)


async def test_entries_of_one_moment_are_not_parted(database: Database, here: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO audit_events (organization_id, id, at, action)
                SELECT :here, gen_random_uuid(), now() - interval '1 hour', 'post.created'
                FROM generate_series(1, 25)
            """),
            {"here": here},
        )
    assert await seals.seal(database, here) == (1, 25)
    assert (await verify(database, here)).trouble is None


FIFTEENTH = """
    (SELECT id FROM audit_events WHERE organization_id = '{here}' ORDER BY at, id OFFSET 14 LIMIT 1)
"""
TAMPERED = {
    "an entry is changed": (
        f"UPDATE audit_events SET detail = '{{}}' WHERE id = {FIFTEENTH}",
        "Seal 2 (up to {to_at} UTC) does not match its 10 entries: one was changed.",
    ),
    "who did it is changed": (
        f"UPDATE audit_events SET actor_id = gen_random_uuid() WHERE id = {FIFTEENTH}",
        "Seal 2 (up to {to_at} UTC) does not match its 10 entries: one was changed.",
    ),
    "an entry is moved": (
        f"UPDATE audit_events SET at = at + interval '0.5 second' WHERE id = {FIFTEENTH}",
        "Seal 2 (up to {to_at} UTC) does not match its 10 entries: one was changed.",
    ),
    "an entry is deleted": (
        f"DELETE FROM audit_events WHERE id = {FIFTEENTH}",
        "Seal 2 (up to {to_at} UTC) was made of 10 entries, and there are 9.",
    ),
    "an entry is added": (
        """INSERT INTO audit_events (organization_id, id, at, action)
        SELECT organization_id, gen_random_uuid(), to_at, 'x' FROM audit_seals
        WHERE organization_id = '{here}' AND number = 2""",
        "Seal 2 (up to {to_at} UTC) was made of 10 entries, and there are 11.",
    ),
    "a seal is made anew": (
        "UPDATE audit_seals SET hash = sha256('x') WHERE organization_id = '{here}' AND number = 2",
        "Seal 2 (up to {to_at} UTC) does not match its 10 entries: one was changed.",
    ),
    "a seal is taken out": (
        "DELETE FROM audit_seals WHERE organization_id = '{here}' AND number = 2",
        "Seal 3 (up to {next_to_at} UTC) does not go on from seal 1.",
    ),
    "the beginning is taken away": (
        """WITH s AS (DELETE FROM audit_seals WHERE organization_id = '{here}' AND number = 1
            RETURNING to_at)
        DELETE FROM audit_events e USING s WHERE organization_id = '{here}' AND e.at <= s.to_at""",
        "The oldest seal is 2; of those before, none were pruned.",
    ),
    "a change is passed off as an erasure": (
        f"""WITH changed AS (
            UPDATE audit_events e SET detail = '{{}}' FROM (
                SELECT x.id, audit_leaf(x) AS before FROM audit_events x WHERE id = {FIFTEENTH}
            ) o WHERE e.id = o.id RETURNING o.id, o.before, audit_leaf(e) AS after
        )
        INSERT INTO audit_erasures
        SELECT '{{here}}', '00000000-0000-7000-8000-000000000001', * FROM changed""",
        "The erasure 00000000-0000-7000-8000-000000000001 is not what was noted of it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
async def test_the_first_seal_that_does_not_match_is_named(
    database: Database, here: str, what: str
) -> None:
    await sealed(database, here)
    async with owning(database) as connection:
        ends = await connection.fetch(
            "SELECT to_at FROM audit_seals WHERE organization_id = $1 ORDER BY number", here
        )
    statement, trouble = TAMPERED[what]
    named = statement.replace("{{}}", "{}").replace("{{here}}", here).replace("{here}", here)
    await execute_as_owner(database, MAY, named)
    to_at, next_to_at = (f"{ends[n]['to_at']:%Y-%m-%d %H:%M:%S}" for n in (1, 2))
    expected = trouble.format(to_at=to_at, next_to_at=next_to_at)
    assert (await verify(database, here)).trouble == expected


async def test_who_wrote_a_seal_down_notices_that_the_end_is_gone(
    database: Database, here: str
) -> None:
    """Whoever owns the database may make every seal anew, but not what is written elsewhere."""
    last = (await sealed(database, here)).last
    assert last is not None
    assert (await verify(database, here, [last])).trouble is None
    other = KnownSeal(last.number, bytes(32))
    told = (await verify(database, here, [other])).trouble
    assert told is not None
    assert told.endswith("is not the one that was written down.")
    await execute_as_owner(
        database, MAY,
        f"DELETE FROM audit_seals WHERE organization_id = '{here}' AND number = {last.number}",
    )  # fmt: skip
    assert (await verify(database, here)).trouble is None
    told = (await verify(database, here, [last])).trouble
    assert told == "Seal 3, which was written down, is not there."


async def test_not_even_the_owner_changes_it_by_accident(database: Database, here: str) -> None:
    await sealed(database, here)
    for statement in (
        "UPDATE audit_events SET action = 'x'", "DELETE FROM audit_seals",
        "UPDATE audit_erasures SET after = ''", "TRUNCATE audit_seals",
    ):  # fmt: skip
        with pytest.raises(Exception, match="is append only"):
            await execute_as_owner(database, statement)


class TestWhatIsUnderWay:
    @pytest.fixture(autouse=True)
    def _at_once(self) -> Iterator[None]:
        with nothing_newer_than("0 seconds"):
            yield

    async def test_an_entry_that_comes_late_is_sealed_later(
        self, database: Database, here: str
    ) -> None:
        """It has the time at which its transaction began, before entries that are there."""
        note = text("INSERT INTO audit_events (organization_id, id, action) VALUES (:o, :i, 'x')")
        async with database.transaction() as slow:
            await slow.execute(text("SELECT 1"))
            async with database.transaction() as quick:
                await quick.execute(note, {"o": here, "i": uuid4()})
            assert (await seals.seal(database, here)).entries == 0
            await slow.execute(note, {"o": here, "i": uuid4()})
        assert (await seals.seal(database, here)).entries == 2
        assert (await verify(database, here)).trouble is None

    async def test_of_another_roles_transaction_nobody_knows_since_when_it_is(
        self, database: Database, here: str
    ) -> None:
        await write(database, here)
        async with owning(database) as owner, owner.transaction():
            await owner.execute("SELECT 1")
            assert await seals.seal(database, here) == (0, 0)
        assert (await seals.seal(database, here)).entries == 25


class TestErasures:
    async def test_names_are_gone_and_the_seals_hold(self, stack: Stack) -> None:
        database, here = stack.database, stack.organization.id
        kim = stack.person("Kim", last_name="Secret")
        adam = await stack.sign_in_as("Admins", "Adam")
        user_id = (await adam.get("/team", params={"q": kim.email or ""})).json()["items"][0]["id"]
        stack.emulator.deactivate_user(kim)
        await stack.deliver()
        assert await stack.refused(kim) == "deactivated"
        before = (await adam.get("/audit/export")).text
        assert before.count("Kim Secret") > 3
        assert str(kim.email) in before
        with nothing_newer_than("0 seconds"):
            assert (await seals.seal(database, here)).entries > 3
        answer = await adam.post("/audit/erasures", json={"user_id": user_id})
        assert answer.status_code == 201, answer.text
        assert answer.json()["entries"] == 3  # created, deactivated, refused
        after = (await adam.get("/audit/export")).text
        assert "Secret" not in after
        assert str(kim.email) not in after
        assert after.count("\n") == before.count("\n") + 1
        assert (await verify(database, here)).trouble is None
        newest = (await adam.get("/audit", params={"limit": 1})).json()["items"][0]
        assert newest["action"] == "audit.erased"
        assert newest["detail"]["entries"] == 3
        again = await adam.post("/audit/erasures", json={"user_id": user_id})
        assert again.json()["entries"] == 0
        assert (await verify(database, here)).trouble is None

    async def test_twice_of_one_entry(self, database: Database, here: str) -> None:
        """By the address, and by what was found again; each is noted for itself."""
        async with database.transaction() as session:
            await session.execute(
                text("""
                    INSERT INTO audit_events (organization_id, id, at, action, detail) VALUES (
                        :o, gen_random_uuid(), now() - interval '1 hour', 'sign_in.refused',
                        '{"name": "Eve Fox", "email": "Eve@Fox.example", "reason": "blocked"}'
                    )
                """),
                {"o": here},
            )
        assert (await seals.seal(database, here)).entries == 1
        wanted = AuditErasureCreate(email="eve@fox.example")
        async with database.transaction() as session:
            assert (await erasures.erase(session, here, wanted)).entries == 1
        async with database.transaction() as session:
            again = AuditErasureCreate(email="[erased]")
            assert (await erasures.erase(session, here, again)).entries == 1
        assert (await verify(database, here)).trouble is None
        await execute_as_owner(
            database, MAY,
            f"""UPDATE audit_events SET detail = '{{"reason": "not_in_directory"}}'
            WHERE organization_id = '{here}' AND action = 'sign_in.refused'""",
        )  # fmt: skip
        told = (await verify(database, here)).trouble
        assert told is not None
        assert told.endswith("is not as the erasure of names has left it.")

    async def test_invariant_9_of_another_organization_nobody_is_found(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        other = Stack(stack.app, stack.emulator, stack.clock)
        eve = await other.sign_in_as("Admins", "Eve")
        me = await stack.me(adam)
        answer = await eve.post("/audit/erasures", json={"user_id": me["id"]})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    @pytest.mark.parametrize("body", [{}, {"email": ""}, {"x": 1}, {"user_id": "x"}])
    async def test_bad_input(self, stack: Stack, body: dict[str, object]) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        answer = await adam.post("/audit/erasures", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")

    async def test_a_table_of_the_callers_own_is_not_taken_for_ours(
        self, database: Database, here: str
    ) -> None:
        """The function has its owner's rights: its names must lead to the owner's tables."""
        await sealed(database, here)
        async with database.transaction() as session:
            for table in ("audit_events", "audit_erasures", "users", "directory_users"):
                await session.execute(
                    text(f"CREATE TEMP TABLE {table} (LIKE public.{table}) ON COMMIT DROP")
                )
            erased = await session.scalar(
                text("SELECT public.erase_from_audit(:o, NULL, 'x', NULL, gen_random_uuid())"),
                {"o": here},
            )
            assert erased == 0
            assert await session.scalar(text("SELECT count(*) FROM pg_temp.audit_events")) == 0
        assert (await verify(database, here)).unsealed == 1

    async def test_who_may_run_what_has_the_owners_rights(self, database: Database) -> None:
        query = text("""
            SELECT p.proname, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE')
            FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace
            ORDER BY p.proname
        """)
        async with database.connect() as connection:
            found = [tuple(row) for row in await connection.execute(query)]
        pinned = ["search_path=public, pg_temp"]
        assert found == [("erase_from_audit", pinned, False), ("prune_audit", pinned, False)]

    async def test_the_right_to_change_ends_with_the_function(
        self, database: Database, here: str
    ) -> None:
        async with owning(database) as owner, owner.transaction():
            await owner.fetchval(
                "SELECT erase_from_audit($1, NULL, 'x', NULL, gen_random_uuid())", here
            )
            with pytest.raises(Exception, match="audit_events is append only"):
                await owner.execute("DELETE FROM audit_events")


class TestRetention:
    @staticmethod
    async def _organization(database: Database, here: str, days: int | None) -> None:
        async with database.transaction() as session:
            await session.execute(
                text("INSERT INTO organizations (workos_id, audit_days) VALUES (:o, :d)"),
                {"o": here, "d": days},
            )

    async def test_what_is_over_goes_and_the_rest_is_intact(
        self, database: Database, here: str
    ) -> None:
        await self._organization(database, here, 60)
        await write(database, here, 20, "61 days")
        await write(database, here, 5, "59 days")
        with nothing_newer_than("50 days"):
            assert await seals.seal(database, here) == (3, 25)
        assert await retention.prune(database, here) == 20
        report = await verify(database, here)
        assert (report.first, report.entries, report.trouble) == (3, 5, None)
        assert await retention.prune(database, here) == 0
        # Whoever takes away more is noticed.
        await write(database, here, 25)
        await seals.seal(database, here)
        await execute_as_owner(
            database, MAY,
            f"""DELETE FROM audit_events WHERE organization_id = '{here}' AND at <= (
                SELECT to_at FROM audit_seals WHERE organization_id = '{here}' AND number = 3)""",
            f"DELETE FROM audit_seals WHERE organization_id = '{here}' AND number = 3",
        )  # fmt: skip
        told = (await verify(database, here)).trouble
        assert told == (
            "The oldest seal is 4; of those before, no more than up to seal 2 were pruned."
        )

    async def test_where_nothing_has_been_done_since_all_goes(
        self, database: Database, here: str
    ) -> None:
        await self._organization(database, here, 60)
        await write(database, here, 20, "61 days")
        await execute_as_owner(
            database,
            f"""INSERT INTO audit_seals (organization_id, number, to_at, entries, previous, hash)
            SELECT '{here}', 1, now() - interval '60 days 23 hours', 20, '', ''""",
        )
        assert await retention.prune(database, here) == 20

    @pytest.mark.parametrize(("days", "ago"), [(None, "4000 days"), (1, "29 days")])
    async def test_for_ever_and_never_less_than_a_month(
        self, database: Database, here: str, days: int | None, ago: str
    ) -> None:
        """The role that serves may change the setting, and must not be able to delete by it."""
        await self._organization(database, here, days)
        await write(database, here, 25, ago)
        await seals.seal(database, here)
        assert await retention.prune(database, here) == 0
        assert (await verify(database, here)).entries == 25

    async def test_an_erasure_is_known_as_long_as_its_entry(
        self, database: Database, here: str
    ) -> None:
        await self._organization(database, here, 60)
        await write(database, here, 10, "61 days")
        async with database.transaction() as session:
            await session.execute(
                text("""
                    INSERT INTO audit_events (organization_id, id, at, action, detail) VALUES (
                        :o, gen_random_uuid(), now() - interval '62 days', 'sign_in.refused',
                        '{"email": "eve@fox.example"}')
                """),
                {"o": here},
            )
        with nothing_newer_than("50 days"):
            assert (await seals.seal(database, here)).entries == 11
        await write(database, here, 3)
        assert await seals.seal(database, here) == (1, 3)
        async with database.transaction() as session:
            wanted = AuditErasureCreate(email="eve@fox.example")
            assert (await erasures.erase(session, here, wanted)).entries == 1
        assert await retention.prune(database, here) == 10
        assert (await verify(database, here)).trouble is None


async def test_invariant_12_the_role_that_serves_may_seal_and_not_unseal(
    database: Database, here: str
) -> None:
    await sealed(database, here)
    for statement in ("UPDATE audit_seals SET hash = ''", "DELETE FROM audit_seals"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.transaction() as session:
                await session.execute(text(statement))
