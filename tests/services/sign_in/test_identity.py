"""Who is let in: the directory decides, and identity is never the e-mail address (invariant 11)."""

import unicodedata

import pytest
from sqlalchemy import func, select

from backend.database import Database
from backend.models import Session, SsoIdentity, User
from backend.workos.scope import DirectoryScope
from emulator.testing import WithoutEmail
from emulator.workos import organizations
from tests.stack import Stack, running_stack


async def user_count(stack: Stack) -> int:
    async with stack.database.connect() as session:
        query = select(func.count()).where(User.organization_id == stack.organization.id)
        return int(await session.scalar(query) or 0)


async def test_first_sign_in_before_the_webhook(stack: Stack) -> None:
    ann = stack.person("Ann")
    stack.group("Authors", ann)
    late = stack.skip()
    stack.clock.advance(15)
    browser = await stack.sign_in(ann)
    assert await stack.roles(browser) == ["member", "author"]
    assert (await stack.me(browser))["organization"]["name"] == "Acme"
    # The events, when they come, change nothing.
    before = await stack.me(browser)
    for event in late:
        await stack.post_event(event)
    assert await stack.me(browser) == before


async def test_nobody_enters_who_is_not_in_the_directory(stack: Stack) -> None:
    stack.person("Ann")
    await stack.deliver()
    assert await stack.refused("eve@acme.example") == "not_in_directory"
    assert await user_count(stack) == 1


async def test_no_user_and_no_identity_is_left_by_a_refusal(stack: Stack) -> None:
    await stack.deliver()
    assert await stack.refused("eve@acme.example") == "not_in_directory"
    assert await user_count(stack) == 0
    async with stack.database.connect() as session:
        for table in (SsoIdentity, Session):
            query = select(func.count()).where(table.organization_id == stack.organization.id)
            assert await session.scalar(query) == 0


@pytest.mark.parametrize("retained", [False, True])
async def test_deactivated(stack: Stack, *, retained: bool) -> None:
    stack.emulator.settings.retain_deactivated = retained
    ann = stack.person("Ann")
    await stack.deliver()
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert await stack.refused(ann) == "deactivated"


async def test_deactivated_before_any_event_arrived(stack: Stack) -> None:
    stack.emulator.settings.retain_deactivated = True
    ann = stack.person("Ann")
    stack.emulator.deactivate_user(ann)
    stack.skip()
    stack.clock.advance(15)
    assert await stack.refused(ann) == "deactivated"


async def test_a_return_finds_the_user_and_reads_the_groups(stack: Stack) -> None:
    """Under a new directory-user id; WorkOS does not announce the memberships again."""
    ann = stack.person("Ann")
    stack.group("Authors", ann)
    await stack.deliver()
    before = await stack.me(await stack.sign_in(ann))
    stack.emulator.deactivate_user(ann)
    stack.clock.advance(1)
    back = stack.emulator.reactivate_user(ann)
    assert back.id != ann.id
    await stack.deliver()
    stack.clock.advance(15)
    after = await stack.me(await stack.sign_in(back))
    assert after["id"] == before["id"]
    assert after["roles"] == ["member", "author"]


class TestByAddress:
    """Only where the identity provider does not send the directory's id."""

    async def test_exactly_one_active_person_whatever_the_case(self, stack: Stack) -> None:
        ann = stack.person("Ann", email="Ann.Lee@Acme.example")
        stack.group("Authors", ann)
        stack.skip()
        stack.clock.advance(15)
        browser = await stack.sign_in(ann, idp_id="saml-ann", email="ann.LEE@acme.EXAMPLE")
        assert await stack.roles(browser) == ["member", "author"]
        # Later by the same identity, and it is the user that events speak of.
        again = await stack.sign_in(ann, idp_id="saml-ann")
        assert (await stack.me(again))["id"] == (await stack.me(browser))["id"]
        stack.emulator.deactivate_user(ann)
        await stack.deliver()
        assert (await again.get("/me")).status_code == 401
        assert await stack.refused(ann, idp_id="saml-ann") == "not_in_directory"

    async def test_ambiguous(self, stack: Stack) -> None:
        ann = stack.person("Ann", email="ann@acme.example")
        second = stack.emulator.create_directory(stack.organization.id, "Second")
        stack.emulator.create_user(second.id, email="ANN@acme.example", first_name="Anna")
        await stack.deliver()
        stack.clock.advance(15)
        assert await stack.refused(ann, idp_id="saml-ann") == "ambiguous_email"
        # Whoever is no longer active is passed over.
        stack.emulator.settings.retain_deactivated = True
        stack.emulator.deactivate_user(ann)
        stack.clock.advance(15)
        browser = await stack.sign_in(ann, idp_id="saml-ann")
        assert (await stack.me(browser))["name"] == "Anna"

    async def test_never_where_an_idp_id_ever_matched(self, stack: Stack) -> None:
        ann, bob = stack.person("Ann"), stack.person("Bob")
        await stack.deliver()
        await stack.sign_in(ann)
        assert await stack.refused(bob, idp_id="saml-bob") == "not_in_directory"
        world, here = stack.emulator.world, stack.organization.id
        other = organizations.create_connection(world, here, "Another")
        stack.clock.advance(15)
        await stack.sign_in(bob, idp_id="saml-bob", connection_id=other["id"])

    async def test_a_user_with_another_identity(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        await stack.deliver()
        stack.clock.advance(15)
        await stack.sign_in(ann, idp_id="saml-1")
        assert await stack.refused(ann, idp_id="saml-2") == "identity_conflict"
        await stack.sign_in(ann, idp_id="saml-1")

    async def test_an_address_given_to_another_person_inherits_nothing(self, stack: Stack) -> None:
        """Invariant 11."""
        ann = stack.person("Ann", email="lee@acme.example")
        stack.group("Admins", ann)
        await stack.deliver()
        stack.clock.advance(15)
        hers = await stack.me(await stack.sign_in(ann, idp_id="saml-ann"))
        stack.emulator.delete_user(ann)
        stack.clock.advance(1)
        lee = stack.person("Lee", email="lee@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        his = await stack.me(await stack.sign_in(lee, idp_id="saml-lee"))
        assert his["id"] != hers["id"]
        assert his["roles"] == ["member"]

    async def test_the_tie_breaks_when_the_address_changes(self, stack: Stack) -> None:
        ann = stack.person("Ann", email="ann@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        hers = await stack.me(await stack.sign_in(ann, idp_id="saml-ann"))
        ann = stack.emulator.update_user(ann, email="ann.new@acme.example")
        bob = stack.person("Bob", email="ann@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        # The old identity says the old address, which is Bob's now: neither user is given out.
        old = {"idp_id": "saml-ann", "email": "ann@acme.example"}
        assert await stack.refused(ann, **old) == "identity_conflict"
        # With the new address it is Ann again, and Bob is a user of his own.
        assert (await stack.me(await stack.sign_in(ann, idp_id="saml-ann")))["id"] == hers["id"]
        assert (await stack.me(await stack.sign_in(bob, idp_id="saml-bob")))["id"] != hers["id"]

    async def test_it_gives_way_once_its_address_does_not_hold(self, stack: Stack) -> None:
        """Where the address is all that the identity provider says of anybody."""
        ann = stack.person("Ann", email="ann@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        hers = await stack.me(await stack.sign_in(ann, idp_id="ann@acme.example"))
        ann = stack.emulator.update_user(ann, email="ann.new@acme.example")
        bob = stack.person("Bob", email="ann@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        # Neither is refused for good, and neither is the other.
        his = await stack.me(await stack.sign_in(bob, idp_id="ann@acme.example"))
        assert his["id"] != hers["id"]
        again = await stack.me(await stack.sign_in(ann, idp_id="ann.new@acme.example"))
        assert again["id"] == hers["id"]
        assert (await stack.me(await stack.sign_in(bob, idp_id="ann@acme.example"))) == his

    async def test_a_new_identity_takes_the_place_of_one_whose_address_is_gone(
        self, stack: Stack
    ) -> None:
        ann = stack.person("Ann", email="ann@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        hers = await stack.me(await stack.sign_in(ann, idp_id="saml-1"))
        assert await stack.refused(ann, idp_id="saml-2") == "identity_conflict"
        ann = stack.emulator.update_user(ann, email="ann.new@acme.example")
        await stack.deliver()
        stack.clock.advance(15)
        assert (await stack.me(await stack.sign_in(ann, idp_id="saml-2")))["id"] == hers["id"]
        assert await stack.refused(ann, idp_id="saml-1") == "identity_conflict"

    @pytest.mark.parametrize(
        ("held", "said"),
        [
            ("Åsa@acme.example", "ÅSA@acme.example"),
            ("Åsa@acme.example", unicodedata.normalize("NFD", "åsa@acme.example")),
            (unicodedata.normalize("NFD", "Åsa@acme.example"), "ÅSA@acme.example"),
            ("İlker@acme.example", "İLKER@acme.example"),
            ("ΣΟΦΟΣ@acme.example", "σοφοσ@acme.example"),
        ],
    )
    async def test_in_another_spelling(self, stack: Stack, held: str, said: str) -> None:
        ann = stack.person("Ann", email=held)
        await stack.deliver()
        browser = await stack.sign_in(ann, idp_id="saml-ann", email=said)
        again = await stack.sign_in(ann, idp_id="saml-ann", email=said)
        assert (await stack.me(again))["id"] == (await stack.me(browser))["id"]

    async def test_without_an_address(self, stack: Stack) -> None:
        stack.emulator.settings.without_email = WithoutEmail.ANNOUNCE
        nina = stack.emulator.create_user(stack.directory.id, email=None, first_name="Nina")
        await stack.deliver()
        stack.clock.advance(15)
        assert await stack.refused(nina, idp_id="saml-nina") == "not_in_directory"
        assert (await stack.me(await stack.sign_in(nina)))["email"] is None


async def another_connection(stack: Stack) -> str:
    made = organizations.create_connection(stack.emulator.world, stack.organization.id, "Another")
    return str(made["id"])


class TestAnotherConnection:
    """Whoever runs one could claim any id, so it signs in nobody who came by the first."""

    async def test_it_signs_in_nobody_who_came_by_the_first(self, stack: Stack) -> None:
        ann, bob = stack.person("Ann"), stack.person("Bob")
        await stack.deliver()
        await stack.sign_in(ann)
        other = await another_connection(stack)
        assert await stack.refused(ann, connection_id=other) == "other_connection"
        await stack.sign_in(ann)
        await stack.sign_in(bob, connection_id=other)
        assert await stack.refused(bob) == "other_connection"

    async def test_not_by_the_address_either(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        await stack.deliver()
        stack.clock.advance(15)
        await stack.sign_in(ann)
        other = await another_connection(stack)
        claimed = await stack.refused(ann, idp_id="saml-ann", connection_id=other)
        assert claimed == "other_connection"

    async def test_nor_where_there_is_no_directory(self, stack: Stack) -> None:
        organization = stack.emulator.create_organization("Directoryless").id
        eve = {"organization_id": organization, "idp_id": "00u-eve"}
        await stack.sign_in("eve@acme.example", **eve)
        made = organizations.create_connection(stack.emulator.world, organization, "Another")
        claimed = await stack.refused("x@acme.example", **eve, connection_id=made["id"])
        assert claimed == "other_connection"
        await stack.sign_in("eve@acme.example", **eve)


async def test_losing_the_directory_lets_nobody_in(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    code = stack.emulator.sso_code(ann, stack.organization.id)
    stranger = stack.emulator.sso_code("eve@acme.example", stack.organization.id)
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401
    assert await stack.finish_sign_in(stack.browser(), code) == "/?error=deactivated"
    assert await stack.finish_sign_in(stack.browser(), stranger) == "/?error=not_in_directory"


async def test_a_deleted_organization_admits_nobody(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    code = stack.emulator.sso_code(ann, stack.organization.id)
    stack.emulator.delete_organization(stack.organization.id)
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401
    assert await stack.finish_sign_in(stack.browser(), code) == "/?error=organization_deleted"


async def test_organization_of_the_profile_differs(stack: Stack) -> None:
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = other.person("Eve")
    await stack.deliver()
    code = stack.emulator.sso_code(eve, other.organization.id)
    assert await stack.finish_sign_in(stack.browser(), code) == "/?error=wrong_organization"


class TestOneDirectoryAlone:
    """WORKOS_DIRECTORY_ID: only its organization signs in, and only that directory is looked at."""

    async def test_its_organization_and_no_other(self, database: Database) -> None:
        async with running_stack(database) as stack:
            ann = stack.person("Ann")
            other = Stack(stack.app, stack.emulator, stack.clock)
            eve = other.person("Eve")
            self.listen_to(stack, stack.directory.id)
            stack.skip()  # nothing is mirrored: WorkOS says whose directory it is
            stack.clock.advance(15)
            await stack.sign_in(ann)
            assert await other.refused(eve) == "wrong_organization"
            await stack.sign_in(ann)

    async def test_an_unknown_directory(self, database: Database) -> None:
        async with running_stack(database) as stack:
            ann = stack.person("Ann")
            await stack.deliver()
            self.listen_to(stack, "directory_mistyped")
            assert await stack.refused(ann) == "wrong_organization"

    def listen_to(self, stack: Stack, directory_id: str) -> None:
        settings = stack.app.state.settings
        change = {"workos_directory_id": directory_id}
        stack.app.state.settings = settings.model_copy(update=change)
        stack.app.state.workos.scope = DirectoryScope(directory_id)
