"""What WorkOS makes of changes in the directory: exactly these events, oddities included."""

import json

import pytest

from emulator.testing import Directory, Emulator, NotFoundError, RefusedError, WithoutEmail


def since(emulator: Emulator, before: int) -> list[str]:
    return [event["event"] for event in emulator.events[before:]]


@pytest.mark.usefixtures("directory")
def test_first_events_of_a_directory(emulator: Emulator) -> None:
    assert [event["event"] for event in emulator.events] == [
        "organization.created", "dsync.activated", "dsync.token.created",
    ]  # fmt: skip
    activated = emulator.events[1]["data"]
    assert activated["state"] == "active"
    assert activated["type"] == "okta scim v2.0"
    assert [domain["domain"] for domain in activated["domains"]] == ["acme.example"]
    by_webhook = [request.event["event"] for request in emulator.webhooks()]
    assert by_webhook == ["organization.created", "dsync.activated"]


def test_a_user_carries_null_and_empty_where_deprecated(
    emulator: Emulator, directory: Directory
) -> None:
    emulator.create_user(
        directory.id, email="ann@acme.example", first_name="Ann", last_name="Lee", idp_id="00uAnn",
        custom_attributes={"department": "Engineering"},
    )  # fmt: skip
    data = emulator.events[-1]["data"]
    assert data | {"id": "", "created_at": "", "updated_at": ""} == {
        "object": "directory_user",
        "id": "",
        "directory_id": directory.id,
        "organization_id": directory.organization_id,
        "idp_id": "00uAnn",
        "email": "ann@acme.example",
        "first_name": "Ann",
        "last_name": "Lee",
        "name": "Ann Lee",
        "emails": [],
        "username": None,
        "job_title": None,
        "state": "active",
        "raw_attributes": {},
        "custom_attributes": {"department": "Engineering"},
        "role": {"slug": "member"},
        "roles": [{"slug": "member"}],
        "created_at": "",
        "updated_at": "",
    }


def test_an_update_tells_what_was_before(emulator: Emulator, directory: Directory) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    before = len(emulator.events)
    emulator.update_user(ann, email="ann.lee@acme.example", last_name="Lee")
    emulator.update_user(ann, last_name="Lee")
    assert since(emulator, before) == ["dsync.user.updated"]
    assert emulator.events[-1]["data"]["previous_attributes"] == {
        "email": "ann@acme.example", "last_name": None, "name": "Ann",
    }  # fmt: skip


def test_deactivation_deletes_and_return_creates_anew(
    emulator: Emulator, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)
    before = len(emulator.events)
    assert emulator.deactivate_user(ann).id == ""
    back = emulator.reactivate_user(ann)
    assert since(emulator, before) == ["dsync.user.deleted", "dsync.user.created"]
    assert emulator.events[before]["data"]["state"] == "active"
    assert back.id != ann.id
    assert back.idp_id == ann.idp_id


def test_return_under_the_same_id_with_memberships(
    emulator: Emulator, directory: Directory
) -> None:
    emulator.settings.same_id_on_return = True
    emulator.settings.announce_memberships_on_return = True
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, ann)
    emulator.deactivate_user(ann)
    before = len(emulator.events)
    assert emulator.reactivate_user(ann).id == ann.id
    assert since(emulator, before) == ["dsync.user.created", "dsync.group.user_added"]


def test_retention_keeps_the_user_as_inactive(emulator: Emulator, directory: Directory) -> None:
    emulator.settings.retain_deactivated = True
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    before = len(emulator.events)
    emulator.deactivate_user(ann)
    emulator.deactivate_user(ann)
    back = emulator.reactivate_user(ann)
    assert since(emulator, before) == ["dsync.user.updated", "dsync.user.updated"]
    off, on = (event["data"] for event in emulator.events[before:])
    assert (off["state"], off["previous_attributes"]) == ("inactive", {"state": "active"})
    assert (on["state"], on["previous_attributes"]) == ("active", {"state": "inactive"})
    assert back.id == ann.id


def test_removals_that_send_no_user_removed(emulator: Emulator, directory: Directory) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    bob = emulator.create_user(directory.id, email="bob@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    admins = emulator.create_group(directory.id, "Admins")
    for group in (authors, admins):
        emulator.add_member(group, ann)
        emulator.add_member(group, bob)
    before = len(emulator.events)
    emulator.delete_user(ann)
    emulator.delete_group(authors)
    emulator.delete_directory(directory.id)
    assert since(emulator, before) == ["dsync.user.deleted", "dsync.group.deleted", "dsync.deleted"]
    directory_fields = {
        "object", "id", "organization_id", "name", "type", "state", "created_at", "updated_at",
    }  # fmt: skip
    assert set(emulator.events[-1]["data"]) == directory_fields
    assert set(emulator.events[1]["data"]) == directory_fields | {"external_key", "domains"}
    with pytest.raises(NotFoundError):
        emulator.user(bob)


def test_membership_leaves_the_users_updated_at(emulator: Emulator, directory: Directory) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    authors = emulator.create_group(directory.id, "Authors")
    stamp = emulator.events[-2]["data"]["updated_at"]
    emulator.add_member(authors, ann)
    emulator.add_member(authors, ann)
    emulator.remove_member(authors, ann)
    emulator.remove_member(authors, ann)
    added, removed = emulator.events[-2:]
    assert (added["event"], removed["event"]) == (
        "dsync.group.user_added", "dsync.group.user_removed",
    )  # fmt: skip
    assert added["data"]["user"]["updated_at"] == stamp == removed["data"]["user"]["updated_at"]
    assert added["data"]["group"]["name"] == "Authors"
    assert added["data"]["directory_id"] == directory.id


def test_a_renamed_group_keeps_its_idp_id(emulator: Emulator, directory: Directory) -> None:
    authors = emulator.create_group(directory.id, "Authors")
    renamed = emulator.rename_group(authors, "Writers")
    data = emulator.events[-1]["data"]
    assert (renamed.id, data["idp_id"], data["name"]) == (authors.id, "Authors", "Writers")
    assert data["previous_attributes"] == {"name": "Authors"}


def test_people_without_an_address(emulator: Emulator, directory: Directory) -> None:
    held = emulator.create_user(directory.id, email=None, first_name="Held")
    authors = emulator.create_group(directory.id, "Authors")
    emulator.add_member(authors, held)
    assert held.id == ""
    before = len(emulator.events)
    emulator.update_user(held, email="held@acme.example")
    # Whoever is held back is dropped from the groups that name them.
    assert since(emulator, before) == ["dsync.user.created"]
    emulator.update_user(held, without_email=True)
    assert emulator.events[-1]["data"]["email"] is None

    emulator.settings.without_email = WithoutEmail.ANNOUNCE
    emulator.create_user(directory.id, email=None, first_name="Null")
    assert emulator.events[-1]["event"] == "dsync.user.created"
    assert emulator.events[-1]["data"]["email"] is None


def test_a_second_active_person_with_the_address_is_refused(
    emulator: Emulator, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example", idp_id="00uOne")
    emulator.deactivate_user(ann)
    # The address is free again, so another person may have it; then the first cannot return.
    emulator.update_user(ann, email="ann@acme.example")
    with pytest.raises(RefusedError) as taken:
        emulator.create_user(directory.id, email="ANN@acme.example", idp_id="00uTwo")
    assert taken.value.status == 409


def test_stamps_and_ids_increase_strictly_though_the_clock_stands_still() -> None:
    emulator = Emulator(now=lambda: 1_800_000_000.5)
    acme = emulator.create_organization("Acme")
    directory = emulator.create_directory(acme.id, "Okta")
    for number in range(20):
        emulator.create_user(directory.id, email=f"{number}@acme.example")
    stamps = [event["created_at"] for event in emulator.events]
    ids = [event["id"] for event in emulator.events]
    assert stamps == sorted(set(stamps))
    assert ids == sorted(set(ids))
    assert stamps[0] == "2027-01-15T08:00:00.500Z"
    emulator.close()


@pytest.mark.usefixtures("directory")
def test_a_refused_change_leaves_nothing(emulator: Emulator) -> None:
    before = json.dumps(emulator.events)
    with pytest.raises(NotFoundError):
        emulator.add_member("directory_group_unknown", "directory_user_unknown")
    with pytest.raises(NotFoundError):
        emulator.create_directory("org_unknown", "Okta")
    assert json.dumps(emulator.events) == before
