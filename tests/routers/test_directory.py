"""`/directory`: what admins are told of the mirror, and replays (invariants 9 and 12)."""

import json
from typing import Any

import pytest

from backend.services.explanation import counts as directory_counts
from tests.directory_api import ask, broken, events, execute, ids, mend, user_id_of
from tests.stack import Stack

NOBODY = "01920000-0000-7000-8000-000000000000"
PATHS = [
    ("GET", "/directory"),
    ("GET", f"/directory/people/{NOBODY}/access"),
    ("GET", "/directory/events"),
    ("GET", "/directory/events/hours"),
    ("GET", "/directory/events/count"),
    ("GET", "/directory/events/event_1"),
    ("POST", "/directory/events/event_1/replay"),
    ("POST", "/directory/events/replay"),
]


class TestWhoMay:
    @pytest.mark.parametrize("group", [None, "Authors"])
    async def test_only_admins(self, stack: Stack, group: str | None) -> None:
        max_ = await stack.sign_in_as(group, "Max")
        for method, path in PATHS:
            answer = await max_.request(method, path, json={} if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (403, "role_missing"), path

    async def test_invariant_9_nothing_of_another_organization(self, stack: Stack) -> None:
        """Events, people and groups of others are not there, and a replay touches none of them."""
        ann = stack.person("Ann")
        group = stack.group("Designers", ann)
        adam = await stack.sign_in_as("Admins", "Adam")
        parked = broken(stack)
        await stack.post_event(parked)
        other = Stack(stack.app, stack.emulator, stack.clock)
        eve = await other.sign_in_as("Admins", "Eve")
        user_id = await user_id_of(adam, ann)
        theirs = {event["id"] for event in await events(eve, limit=100)}
        assert theirs
        assert theirs.isdisjoint(ids(await events(adam, limit=100)))
        assert await events(eve, person=user_id) == []
        counted = await ask(eve, "/directory/events/hours")
        assert sum(hour["events"] for hour in counted["hours"]) == len(theirs)
        assert (await ask(eve, "/directory/events/count"))["count"] == len(theirs)
        assert (await ask(eve, "/directory/events/count", person=user_id))["count"] == 0
        assert await events(eve, group=group.id) == []
        for path in (f"people/{user_id}/access", f"events/{parked['id']}"):
            assert (await eve.get(f"/directory/{path}")).status_code == 404
        one = await eve.post(f"/directory/events/{parked['id']}/replay")
        assert (one.status_code, one.json()["code"]) == (404, "not_found")
        await mend(stack, parked)
        many = await eve.post("/directory/events/replay", json={"ids": [parked["id"]]})
        assert many.json()["unknown"] == [parked["id"]]
        assert many.json()["replayed"] == 0
        assert (await eve.post("/directory/events/replay", json={})).json()["replayed"] == 0
        assert (await ask(adam, f"/directory/events/{parked['id']}"))["outcome"] == "parked"
        # A cursor of another organization leads to one's own events only.
        page = await ask(adam, "/directory/events", limit=1)
        after = await events(eve, cursor=page["next_cursor"], limit=100)
        assert set(ids(after)) <= theirs

    @pytest.mark.parametrize(
        "path",
        [
            "people/1/access",
            f"people/{NOBODY}/access",
            "events/event_unknown",
            "events/%00",
            "events/" + "x" * 300,
            "events/%F0%9F%98%80",
        ],
    )
    async def test_unknown_and_malformed_ids(self, stack: Stack, path: str) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        answer = await adam.get(f"/directory/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        if path.startswith("events/"):
            answer = await adam.post(f"/directory/{path}/replay")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


BAD_QUERIES = [
    ("events", {"limit": 0}, "limit"),
    ("events", {"limit": 101}, "limit"),
    ("events", {"cursor": "x"}, "cursor"),
    ("events", {"cursor": "WyJhIiwiYiJd"}, "cursor"),
    ("events", {"since": "yesterday"}, "since"),
    ("events", {"until": "2026-13-01"}, "until"),
    ("events", {"outcome": "lost"}, "outcome"),
    ("events", {"person": "ann"}, "person"),
    ("events", {"type": "x" * 300}, "type"),
    (f"people/{NOBODY}/access", {"history_limit": 101}, "history_limit"),
    (f"people/{NOBODY}/access", {"history_cursor": "x"}, "history_cursor"),
    ("", {"counts": "perhaps"}, "counts"),
]


@pytest.mark.parametrize(("path", "params", "field"), BAD_QUERIES)
async def test_queries_that_cannot_be_used(
    stack: Stack, path: str, params: dict[str, Any], field: str
) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    answer = await adam.get(f"/directory/{path}".rstrip("/"), params=params)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "lost"}, "outcome"),
        ({"since": "soon"}, "since"),
        ({"ids": [""]}, "ids.0"),
        ({"ids": ["x"] * 1001}, "ids"),
        ({"untill": "2026-01-01"}, "untill"),
        ({"cursor": "x"}, "cursor"),
        ([], "body"),
    ],
)
async def test_ranges_that_cannot_be_used(stack: Stack, body: Any, field: str) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    answer = await adam.post("/directory/events/replay", json=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


class TestStatus:
    async def test_all_is_well(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        stack.group("Designers", kim, stack.person("Lea"))
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.deactivate_user(kim)
        await stack.deliver()
        found = await ask(adam, "/directory")
        assert found["status"].startswith("All is well: the last event came on ")
        assert (found["attention"], found["directory_managed"]) == (False, True)
        assert found["troubles"] == []
        (directory,) = found["directories"]
        assert (directory["id"], directory["name"]) == (stack.directory.id, "Acme Okta")
        assert (directory["type"], directory["state"]) == ("okta scim v2.0", "live")
        (activated,) = await events(adam, type="dsync.activated")
        assert directory["since"] == activated["occurred_at"]
        assert directory["complete_as_of"] is None
        assert directory["counts"] == {
            "active_people": 2, "people": 2, "groups": 2, "memberships": 2,
        }  # fmt: skip
        newest = (await events(adam, limit=1))[0]
        assert found["last_event"] == {
            name: newest[name] for name in ("id", "type", "occurred_at", "received_at")
        }
        assert 0 <= found["delay"]["median"] <= found["delay"]["longest"] < 60
        assert found["parked"] == {"count": 0, "oldest_received_at": None}
        assert found["counts_as_of"] is None
        assert found["reconciliations"] == {"last": None, "current": None}
        quick = await ask(adam, "/directory", counts=False)
        assert quick["directories"] == [directory | {"counts": None}]

    async def test_no_more_are_counted_than_a_bound(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.group("Designers", *(stack.person(name) for name in ("Ann", "Ben")))
        await stack.deliver()
        (directory,) = (await ask(adam, "/directory"))["directories"]
        counts = {"active_people": 3, "people": 3, "groups": 2, "memberships": 3}
        for bound, more in ((3, []), (2, ["people", "memberships"])):
            monkeypatch.setattr(directory_counts, "MOST_COUNTED", bound)
            found = await ask(adam, "/directory")
            assert found["more"] == more
            (bounded,) = found["directories"]
            assert bounded["counts"] == {of: min(bound, count) for of, count in counts.items()}
        assert directory["counts"] == counts

    async def test_parked_events_want_attention(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        for _ in range(2):
            await stack.post_event(broken(stack))
        found = await ask(adam, "/directory")
        assert found["status"] == "2 events could not be applied and are parked."
        assert found["attention"] is True
        assert [trouble["code"] for trouble in found["troubles"]] == ["events_parked"]
        oldest = (await events(adam, outcome="parked"))[-1]
        assert found["parked"] == {"count": 2, "oldest_received_at": oldest["received_at"]}

    async def test_a_removed_directory_and_an_admin_by_grant(self, stack: Stack) -> None:
        """Whoever is left by another directory sees that one has gone, and since when."""
        second = stack.emulator.create_directory(stack.organization.id, "Second")
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.delete_directory(second.id)
        await stack.deliver()
        found = await ask(adam, "/directory")
        (deleted,) = await events(adam, type="dsync.deleted")
        states = {row["id"]: (row["state"], row["since"]) for row in found["directories"]}
        assert states[second.id] == ("removed", deleted["occurred_at"])
        assert states[stack.directory.id][0] == "live"
        assert found["attention"] is False

    async def test_an_organization_without_a_directory(self, stack: Stack) -> None:
        lone = stack.emulator.create_organization("Lone")
        stack.skip()
        ann = await stack.sign_in("ann@lone.example", organization_id=lone.id)
        me = await stack.me(ann)
        await execute(
            stack,
            "INSERT INTO role_grants (user_id, role, organization_id) VALUES (:id, 'admin', :org)",
            id=me["id"],
            org=lone.id,
        )
        found = await ask(ann, "/directory")
        assert found["status"] == "No directory is connected: whoever signs in by SSO may enter."
        assert found["directories"] == []
        assert (found["last_event"], found["delay"], found["directory_managed"]) == (
            None, None, False,
        )  # fmt: skip
        why = await ask(ann, f"/directory/people/{me['id']}/access")
        assert (why["active"], why["roles"], why["refusal"]) == (True, ["member", "admin"], None)
        assert (why["directory_users"], why["memberships"]) == ([], [])
        (grant,) = why["grants"]
        assert (grant["role"], grant["granted_by"], grant["gives"]) == ("admin", None, True)

    @pytest.mark.parametrize(
        ("state", "held", "error", "sentence"),
        [
            (
                "held",
                {"people": 12, "limit": 10, "last_admin": False, "examples": [], "removed": {}},
                None,
                "A reconciliation waits for an admin to confirm or cancel it: 12 people would lose",
            ),
            (
                "held",
                {
                    "people": 0,
                    "limit": 10,
                    "last_admin": False,
                    "examples": [],
                    "removed": {},
                    "short": [
                        {"directory_id": "d1", "kind": "people", "counted": 9, "listed": 7},
                    ],
                },
                None,
                "A reconciliation waits for an admin to confirm or cancel it: WorkOS counts 9",
            ),
            ("failed", None, "WorkOS was away.", "The last reconciliation failed: WorkOS was"),
            ("completed", None, None, "All is well"),
        ],
    )
    async def test_reconciliations(
        self, stack: Stack, state: str, held: Any, error: str | None, sentence: str
    ) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await execute(
            stack,
            "INSERT INTO reconciliations (id, organization_id, trigger, state, held, error, drift)"
            " VALUES (gen_random_uuid(), :org, 'api', :state, CAST(:held AS jsonb), :error,"
            """ '{"people": {"added": 1, "removed": 2, "examples": []}}')""",
            org=stack.organization.id,
            state=state,
            held=json.dumps(held) if held else None,
            error=error,
        )
        found = await ask(adam, "/directory")
        assert found["status"].startswith(sentence)
        assert [trouble["code"] for trouble in found["troubles"]] == (
            [f"reconciliation_{state}"] if found["attention"] else []
        )
        assert found["attention"] is (state != "completed")
        which = found["reconciliations"]["current" if state == "held" else "last"]
        assert (which["state"], which["held_people"]) == (
            state,
            held["people"] if held else None,
        )
        assert which["drift"]["people"] == {"added": 1, "changed": 0, "removed": 2}
        assert which["drift"]["groups"] == {"added": 0, "changed": 0, "removed": 0}
