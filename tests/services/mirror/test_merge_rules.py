"""Each merge rule by the counter-example that it exists for, whatever order it is told in."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB

from backend.models import RoleMapping
from backend.services.mirror.apply import merge
from backend.services.mirror.rows import (
    FACT,
    Facts,
    Version,
    group_row,
    removed_directory_row,
    removed_row,
    user_row,
)
from backend.workos.models import DirectoryGroup, DirectoryUser
from tests.convergence.mirror import user_states
from tests.convergence.tale import Tale
from tests.stack import Stack

either_order = pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])


@pytest.fixture
def tale(stack: Stack) -> Tale:
    return Tale(stack)


class TestRemovalIsATime:
    """Invariant 4: a removal is the latest ever told, and nothing from before it is live."""

    @pytest.mark.parametrize("same_group", [False, True], ids=["new group", "same group"])
    async def test_return_under_the_same_id_after_the_group_was_made_again_without_the_person(
        self, stack: Stack, *, same_group: bool
    ) -> None:
        stack.emulator.settings.same_id_on_return = True
        ann, boss = stack.person("Ann"), stack.person("Boss")
        authors = stack.group("Authors", ann)
        stack.group("Admins", boss)
        await stack.deliver()
        browser = await stack.sign_in(ann)
        assert await stack.roles(browser) == ["member", "author"]
        stack.emulator.deactivate_user(ann)
        stack.emulator.delete_group(authors)
        again = stack.group("Authors", boss)
        stack.emulator.reactivate_user(ann)
        for event in stack.skip():
            if same_group and event["event"].startswith("dsync.group"):
                group = event["data"].get("group", event["data"])
                if group["id"] == again.id:
                    group["id"] = authors.id
            assert await stack.post_event(event) == "applied"
        assert await stack.roles(await stack.sign_in(ann)) == ["member"]
        assert await stack.roles(await stack.sign_in(boss)) == ["member", "admin", "author"]

    @either_order
    async def test_two_removals_told_in_any_order(self, tale: Tale, order: int) -> None:
        gone = await tale.told(
            tale.person(0, "created"),
            tale.person(1, "deleted"),
            tale.person(2, "created"),
            tale.person(3, "deleted"),
            order=order,
        )
        assert gone is not None
        assert not gone.active

    @either_order
    async def test_removal_of_the_same_moment_wins(self, tale: Tale, order: int) -> None:
        gone = await tale.told(
            tale.person(0, "created"),
            tale.person(1, "deleted"),
            tale.person(1, "updated"),
            order=order,
        )
        assert gone is not None
        assert not gone.active

    @either_order
    async def test_deactivation_that_an_update_has_superseded(self, tale: Tale, order: int) -> None:
        """She is in by the update; her membership from before the deactivation is not."""
        assert await tale.roles(
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.membership(1),
            tale.person(2, "updated", state="inactive"),
            tale.person(3, "updated"),
            order=order,
        ) == ["member"]

    @either_order
    async def test_late_membership_does_not_bring_anybody_back(
        self, tale: Tale, order: int
    ) -> None:
        gone = await tale.told(
            tale.group(0, "created"),
            tale.person(0, "created"),
            tale.membership(1),
            tale.person(2, "deleted"),
            order=order,
        )
        assert gone is not None
        assert not gone.active

    @either_order
    async def test_group_back_under_its_id_has_none_of_its_former_people(
        self, tale: Tale, order: int
    ) -> None:
        assert await tale.roles(
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.membership(1),
            tale.group(2, "deleted"),
            tale.group(3, "created"),
            order=order,
        ) == ["member"]

    @either_order
    async def test_membership_in_a_group_that_is_not_back(self, tale: Tale, order: int) -> None:
        """A membership that was told late of a deleted group does not make it again."""
        assert await tale.roles(
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.group(1, "deleted"),
            tale.group(2, "created"),
            tale.group(3, "deleted"),
            tale.membership(4),
            order=order,
        ) == ["member"]

    async def test_removal_of_somebody_unknown_creates_nobody(self, tale: Tale) -> None:
        assert (
            await tale.told(tale.membership(1, "user_removed"), tale.person(2, "deleted")) is None
        )
        late = await tale.told(tale.person(0, "created"), tale.membership(0))
        assert late is not None
        assert not late.active


class TestDirectoryRemoved:
    async def test_invariant_2_directory_deleted_after_sign_ins(self, stack: Stack) -> None:
        ann, boss = await stack.sign_in_as("Authors"), await stack.sign_in_as("Admins")
        assert (await ann.post("/posts", json={"title": "t", "content": "c"})).status_code == 201
        stack.emulator.delete_directory(stack.directory.id)
        (gone,) = stack.skip()
        assert gone["event"] == "dsync.deleted"
        await stack.post_event(gone)
        for browser in (ann, boss):
            assert (await browser.get("/me")).status_code == 401
            assert (await browser.get("/posts")).status_code == 401

    @either_order
    async def test_invariant_4_nothing_from_before_the_removal_counts(
        self, tale: Tale, order: int
    ) -> None:
        """Directory, person and group are back under their ids; the membership is not."""
        before = (
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.membership(1),
            tale.event(2, "dsync.deleted", tale.directory),
            tale.event(3, "dsync.activated", tale.directory),
        )
        back = (tale.person(4, "created"), tale.group(4, "created"))
        gone = await tale.told(*before, order=order)
        assert gone is not None
        assert not gone.active
        assert await tale.roles(*back, order=order) == ["member"]
        assert await tale.roles(tale.membership(5)) == ["member", "author"]

    @either_order
    async def test_invariant_4_group_that_is_not_back_counts_for_nobody(
        self, tale: Tale, order: int
    ) -> None:
        assert await tale.roles(
            tale.group(0, "created"),
            tale.event(2, "dsync.deleted", tale.directory),
            tale.event(3, "dsync.activated", tale.directory),
            tale.person(4, "created"),
            tale.membership(5),
            order=order,
        ) == ["member"]

    @either_order
    async def test_invariant_4_removed_twice(self, tale: Tale, order: int) -> None:
        gone = await tale.told(
            tale.event(1, "dsync.deleted", tale.directory),
            tale.event(2, "dsync.activated", tale.directory),
            tale.person(3, "created"),
            tale.event(4, "dsync.deleted", tale.directory),
            order=order,
        )
        assert gone is not None
        assert not gone.active

    async def test_invariant_3_people_of_a_directory_never_told_of_count(self, tale: Tale) -> None:
        """A directory without a row is a live one."""
        elsewhere = {"directory_id": f"directory_of_{tale.ann['id']}"}
        state = await tale.told(tale.person(0, "created", **elsewhere))
        assert state is not None
        assert state.active


class TestNamesakes:
    """Invariant 4: of one person in a directory only the newest row is live."""

    async def test_rehire_whose_first_deletion_was_lost(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        authors = stack.group("Authors", ann)
        await stack.deliver()
        browser = await stack.sign_in(ann)
        stack.emulator.deactivate_user(ann)
        (lost,) = stack.skip()
        assert lost["event"] == "dsync.user.deleted"
        stack.emulator.remove_member(authors, ann)
        back = stack.emulator.reactivate_user(ann)
        assert back.id != ann.id
        await stack.deliver()
        # The row of the first hire was never removed, and its membership gives nothing.
        assert await stack.roles(browser) == ["member"]
        stack.emulator.deactivate_user(back)
        await stack.deliver()
        assert (await browser.get("/me")).status_code == 401
        assert await stack.refused(back) == "deactivated"

    @either_order
    async def test_people_without_an_idp_id_are_none(self, tale: Tale, order: int) -> None:
        bob = {"id": f"{tale.ann['id']}b", "idp_id": ""}
        await tale.told(
            tale.person(0, "created", idp_id=""), tale.person(1, "created", **bob), order=order
        )
        async with tale.stack.database.connect() as connection:
            found = await user_states(connection, tale.stack.organization.id)
        assert {key for key, state in found.items() if state.active} == {
            tale.ann["id"],
            bob["id"],
        }


class TestDefaultNames:
    """Invariant 3: a group's role hangs on its id, and every name that it ever had maps it once."""

    @either_order
    async def test_group_renamed_away_from_a_default_name(self, tale: Tale, order: int) -> None:
        state = await tale.told(
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.membership(1),
            tale.group(2, "updated", name="Writers"),
            order=order,
        )
        assert state is not None
        assert (state.roles, state.groups) == (["member", "author"], ["Writers"])

    @either_order
    async def test_group_renamed_to_a_default_name_and_away_again(
        self, tale: Tale, order: int
    ) -> None:
        tale.authors["name"] = "Chiefs"
        state = await tale.told(
            tale.person(0, "created"),
            tale.group(0, "created"),
            tale.membership(1),
            tale.group(2, "updated", name="Admins"),
            tale.group(3, "updated", name="Chiefs"),
            order=order,
        )
        assert state is not None
        assert (state.roles, state.groups) == (["member", "admin"], ["Chiefs"])

    async def test_mapping_that_an_admin_removed_and_a_group_pushed_again(
        self, stack: Stack
    ) -> None:
        ann = stack.person("Ann")
        authors = stack.group("Authors", ann)
        await stack.deliver()
        browser = await stack.sign_in(ann)
        async with stack.database.transaction() as session:
            await session.execute(
                update(RoleMapping).where(RoleMapping.group_id == authors.id).values(removed=True)
            )
        assert await stack.roles(browser) == ["member"]
        # Neither a name nor a membership of that group brings the mapping back.
        stack.emulator.rename_group(authors, "Writers")
        stack.emulator.rename_group(authors, "Authors")
        stack.emulator.remove_member(authors, ann)
        stack.emulator.add_member(authors, ann)
        renamed = stack.skip()
        for event in [*renamed, *reversed(renamed)]:
            await stack.post_event(event)
        assert await stack.roles(browser) == ["member"]
        # Pushed again under a new id it is another group, of which nobody has decided anything.
        stack.emulator.delete_group(authors)
        await stack.deliver()
        assert await stack.roles(browser) == ["member"]
        stack.group("Authors", ann)
        await stack.deliver()
        assert await stack.roles(browser) == ["member", "author"]


class TestAddressIsNoIdentity:
    async def test_invariant_11_address_that_passes_on_before_the_mirror_knows(
        self, stack: Stack
    ) -> None:
        ann = stack.person("Ann", "shared@acme.example")
        stack.group("Admins", ann)
        await stack.deliver()
        of_ann = await stack.sign_in(ann)
        posted = await of_ann.post("/posts", json={"title": "t", "content": "c"})
        stack.emulator.update_user(ann, email="ann@acme.example")
        bob = stack.person("Bob", "shared@acme.example")
        late = stack.skip()
        stack.clock.advance(15)
        of_bob = await stack.sign_in(bob)
        for event in [None, *late]:
            if event is not None:
                await stack.post_event(event)
            assert (await stack.me(of_bob))["name"].startswith("Bob")
            assert await stack.roles(of_bob) == ["member"]
            deleted = await of_bob.delete(f"/posts/{posted.json()['id']}")
            assert deleted.status_code == 403
            assert await stack.roles(of_ann) == ["member", "admin"]


@pytest.mark.parametrize("kind", ["directories", "directory_users", "groups"])
async def test_a_removal_that_wrote_is_told_by_its_own_id(tale: Tale, kind: str) -> None:
    """Not by that of what it removes: of many events at once, each is to learn what it did."""
    known = Version(tale.begin, "event_known")
    removal = Version(tale.begin + timedelta(minutes=1), "event_removal")
    ann = DirectoryUser.model_validate(tale.ann)
    authors = DirectoryGroup.model_validate(tale.authors)
    organization = tale.stack.organization.id
    rows = {
        "directories": removed_directory_row(organization, tale.stack.directory.id, removal),
        "directory_users": removed_row(ann, removal),
        "groups": removed_row(authors, removal),
    }
    told = select(func.merge_facts(bindparam("facts", type_=JSONB)))
    async with tale.stack.database.transaction() as session:
        people = [user_row(ann, FACT, known)]
        groups = [group_row(authors, FACT, known)]
        await merge(session, Facts(managed=[organization], directory_users=people, groups=groups))
        removed = {f"removed_{kind}": [rows[kind]]}
        assert await session.scalar(told, {"facts": removed}) == [removal.event_id]
        assert await session.scalar(told, {"facts": removed}) == []
