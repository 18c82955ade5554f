"""`/directory/events`: the inbox, and replays (invariants 3, 5 and 12)."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.directory_api import ask, broken, events, execute, ids, mend, user_id_of
from tests.stack import Stack, as_body, new_event, post_webhook, user_data

NOBODY = "01920000-0000-7000-8000-000000000000"


class TestEvents:
    async def test_filters(self, stack: Stack) -> None:
        ann, kim = stack.person("Ann"), stack.person("Kim")
        group = stack.group("Designers", ann)
        adam = await stack.sign_in_as("Admins", "Adam")
        parked = broken(stack)
        await stack.post_event(parked)
        everything = await events(adam, limit=100)
        assert [event["received_at"] for event in everything] == sorted(
            (event["received_at"] for event in everything), reverse=True
        )
        of_ann = await events(adam, person=await user_id_of(adam, ann))
        assert [event["type"] for event in of_ann] == [
            "dsync.group.user_added", "dsync.user.created",
        ]  # fmt: skip
        user_id = await user_id_of(adam, ann)
        name = (await ask(adam, "/team", q=ann.email))["items"][0]["name"]
        for event in of_ann:
            assert event["person"] == {
                "id": user_id, "name": name, "directory_user_id": ann.id,
            }  # fmt: skip
        assert of_ann[0]["group"] == {"id": group.id, "name": "Designers"}
        of_group = await events(adam, group=group.id)
        assert [event["type"] for event in of_group] == [
            "dsync.group.user_added", "dsync.group.created",
        ]  # fmt: skip
        assert len(await events(adam, person=await user_id_of(adam, kim))) == 1
        assert await events(adam, person=NOBODY) == []
        assert await events(adam, group="directory_group_\0") == []
        assert ids(await events(adam, outcome="parked")) == [parked["id"]]
        created = await events(adam, type="dsync.user.created", outcome="applied")
        assert {event["person"]["name"].split()[0] for event in created} == {"Ann", "Kim", "Adam"}
        assert await events(adam, type="dsync.nothing") == []
        middle = everything[3]["received_at"]
        assert ids(await events(adam, until=middle, limit=100)) == ids(everything[4:])
        assert ids(await events(adam, since=middle)) == ids(everything[:4])
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        assert await events(adam, since=tomorrow) == []
        assert await events(adam, source="catch_up") == []
        assert ids(await events(adam, source="webhook", limit=100)) == ids(everything)

    async def test_counts_are_those_of_the_list(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        group = stack.group("Designers", ann)
        adam = await stack.sign_in_as("Admins", "Adam")
        await stack.post_event(broken(stack))
        for filters in (
            {}, {"outcome": "parked"}, {"group": group.id}, {"source": "catch_up"},
            {"person": await user_id_of(adam, ann), "type": "dsync.user.created"},
        ):  # fmt: skip
            listed = await events(adam, limit=100, **filters)
            counted = await ask(adam, "/directory/events/count", **filters)
            assert counted == {"count": len(listed), "more": False}, filters

    async def test_each_hour_leads_to_its_events(self, stack: Stack) -> None:
        """Those of three days; of an hour's bounds, the list has as many as were counted."""
        for name in ("Ann", "Kim", "Zoe"):
            stack.person(name)
        adam = await stack.sign_in_as("Admins", "Adam")
        await stack.post_event(broken(stack))
        await execute(
            stack,
            "UPDATE directory_events SET received_at = date_trunc('hour', now(), 'UTC')"
            " - number * interval '1 hour' FROM (SELECT id AS found, 35 * row_number() OVER"
            " (ORDER BY received_at, id) AS number FROM directory_events"
            " WHERE organization_id = :org) AS n WHERE id = found AND organization_id = :org",
            org=stack.organization.id,
        )
        counted = await ask(adam, "/directory/events/hours")
        hours = counted["hours"]
        assert (len(hours), counted["complete"]) == (72, True)
        assert [at for at, hour in enumerate(hours) if hour["events"]] == [1, 36]
        for hour in hours:
            since = datetime.fromisoformat(hour["since"])
            bounds = {"since": hour["since"], "until": (since + timedelta(hours=1)).isoformat()}
            assert len(await events(adam, **bounds)) == hour["events"]
            assert len(await events(adam, outcome="parked", **bounds)) == hour["parked"]

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_pages(self, stack: Stack, limit: int) -> None:
        """The pages are the whole, in order, without repeats, also where times are the same."""
        stack.group("Designers", *(stack.person("Ann") for _ in range(3)))
        adam = await stack.sign_in_as("Admins", "Adam")
        await execute(
            stack,
            "UPDATE directory_events SET received_at = now() WHERE organization_id = :org"
            " AND type = 'dsync.user.created'",
            org=stack.organization.id,
        )
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await ask(adam, "/directory/events", limit=limit, **cursor)
            assert 0 < len(page["items"]) <= limit
            seen += ids(page["items"])
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert len(seen) == len(set(seen)) == 12
        assert seen == ids(await events(adam, limit=100))

    async def test_invariant_12_one_event_with_what_it_changed(self, stack: Stack) -> None:
        kim = stack.person("Kim")
        stack.group("Authors", kim)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.deactivate_user(kim)
        (posted,) = [request.event for request in stack.emulator.webhooks()]
        assert await stack.post_event(posted) == "applied"
        event = await ask(adam, f"/directory/events/{posted['id']}")
        assert event["payload"] == posted
        assert (event["payload_purged"], event["body_kept"]) == (False, True)
        assert (event["outcome"], event["attempts"], event["error"]) == ("applied", 1, None)
        (tried,) = event["tries"]
        assert (tried["attempt"], tried["source"], tried["actor"]) == (1, "webhook", None)
        before = {"active": True, "roles": ["member", "author"]}
        assert tried["before"]["access"] == before
        assert tried["after"]["access"] == {"active": False, "roles": []}
        live = [tried[when]["directory_user"]["live"] for when in ("before", "after")]
        assert live == [True, False]

    async def test_parked_with_the_reason_in_plain_words(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        group = {"id": "g", "directory_id": "d", "organization_id": "org_else", "name": "x"}
        data = user_data(stack)
        cases = {
            "WorkOS sent the event without “state”": (
                {key: value for key, value in data.items() if key != "state"},
                "data.state: Field required",
            ),
            "The value of “state” is not of the kind": (
                data | {"state": 7},
                "data.state: Input should be a valid string",
            ),
            "The value of “id” is too long": (
                data | {"id": "x" * 256},
                "data.id: String should have at most 255 characters",
            ),
            "The value of “id” is empty": (
                data | {"id": ""},
                "data.id: String should have at least 1 character",
            ),
            "The event has a value that is no JSON": (
                data | {"custom_attributes": {"ratio": float("nan")}},
                "The database refused it: invalid input syntax for type json",
            ),
        }
        for sentence, (changed, detail) in cases.items():
            event = new_event("dsync.user.created", changed)
            assert (await post_webhook(stack, as_body(event))).json() == {"outcome": "parked"}
            found = await ask(adam, f"/directory/events/{event['id']}")
            assert found["error"].startswith(sentence)
            assert found["error"].endswith(".")
            assert found["detail"] == detail
            assert found["next_attempt_at"] > found["received_at"]
            assert found["tries"] == []
        torn = {"directory_id": stack.directory.id, "user": user_data(stack), "group": group}
        event = new_event("dsync.group.user_added", torn)
        assert await stack.post_event(event) == "parked"
        found = await ask(adam, f"/directory/events/{event['id']}")
        assert found["error"].startswith("The person and the group of this membership belong to")

    async def test_without_an_organization_it_is_found_by_its_directory(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        event = new_event("dsync.user.created", user_data(stack) | {"organization_id": None})
        assert await stack.post_event(event) == "parked"
        assert ids(await events(adam, outcome="parked")) == [event["id"]]

    @pytest.mark.parametrize("text_", ["\0", "\ud800", "😀"])
    async def test_payloads_of_odd_text(self, stack: Stack, text_: str) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        deep: Any = text_
        for _ in range(200):
            deep = [deep]
        data = user_data(stack, custom_attributes={"odd": text_, "deep": deep})
        event = new_event("dsync.user.created", data)
        assert (await post_webhook(stack, as_body(event))).json() == {"outcome": "applied"}
        found = await ask(adam, f"/directory/events/{event['id']}")
        shown = text_ if text_ == "😀" else "\N{REPLACEMENT CHARACTER}"
        assert found["payload"]["data"]["custom_attributes"]["odd"] == shown


class TestReplay:
    async def test_a_parked_event_once_its_cause_is_gone(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        event = broken(stack)
        assert await stack.post_event(event) == "parked"
        path = f"/directory/events/{event['id']}"
        again = await adam.post(f"{path}/replay")
        assert (again.status_code, again.json()) == (200, {"outcome": "parked"})
        await mend(stack, event)
        assert (await adam.post(f"{path}/replay")).json() == {"outcome": "applied"}
        found = await ask(adam, path)
        assert (found["outcome"], found["attempts"], found["source"]) == ("applied", 3, "webhook")
        assert (found["error"], found["detail"], found["next_attempt_at"]) == (None, None, None)
        me = await stack.me(adam)
        applied, parked = found["tries"]
        assert applied["actor"] == parked["actor"] == {"id": me["id"], "name": me["name"]}
        assert (applied["attempt"], applied["outcome"]) == (3, "applied")
        assert applied["after"]["access"] == {"active": True, "roles": ["member"]}
        assert (parked["attempt"], parked["outcome"], parked["after"]) == (2, "parked", None)
        assert found["person"]["name"].startswith("Zoe")
        # Invariant 12: it is in the person's own history, with who did it.
        why = await ask(adam, f"/directory/people/{found['person']['id']}/access")
        (entry,) = [e for e in why["history"]["items"] if e["scope"] == "person"]
        assert (entry["what"], entry["changed"]) == ("dsync.user.created", True)
        assert entry["cause"] == {
            "kind": "event", "id": event["id"], "actor": {"id": me["id"], "name": me["name"]},
        }  # fmt: skip

    async def test_invariant_5_what_was_applied_is_not_lowered(self, stack: Stack) -> None:
        """A replay that cannot apply the body now leaves it applied, and says what it saw."""
        adam = await stack.sign_in_as("Admins", "Adam")
        event = new_event("dsync.user.created", user_data(stack))
        await stack.post_event(event)
        spoilt = json.dumps(event | {"data": event["data"] | {"state": None}})
        await execute(
            stack,
            "UPDATE directory_events SET body = convert_to(:body, 'UTF8') WHERE id = :id",
            body=spoilt,
            id=event["id"],
        )
        path = f"/directory/events/{event['id']}"
        assert (await adam.post(f"{path}/replay")).json() == {"outcome": "parked"}
        found = await ask(adam, path)
        assert (found["outcome"], found["error"], found["attempts"]) == ("applied", None, 2)
        assert found["next_attempt_at"] is None
        assert [tried["outcome"] for tried in found["tries"]] == ["parked", "applied"]
        assert (await ask(adam, "/directory"))["parked"]["count"] == 0

    async def test_a_purged_body(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        (event,) = await events(adam, type="dsync.user.created")
        await execute(
            stack, "UPDATE directory_events SET body = NULL WHERE id = :id", id=event["id"]
        )
        path = f"/directory/events/{event['id']}"
        found = await ask(adam, path)
        assert (found["payload"], found["payload_purged"], found["body_kept"]) == (
            None, True, False,
        )  # fmt: skip
        assert len(found["tries"]) == 1
        answer = await adam.post(f"{path}/replay")
        assert (answer.status_code, answer.json()["code"]) == (410, "body_purged")
        many = (await adam.post("/directory/events/replay", json={"ids": [event["id"]]})).json()
        assert (many["replayed"], many["purged"]) == (0, [event["id"]])
        assert (await ask(adam, path))["attempts"] == 1

    async def test_a_range(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        parked = [broken(stack) for _ in range(4)]
        for event in parked:
            await stack.post_event(event)
        for event in parked[1:]:
            await mend(stack, event)
        listed = await events(adam, outcome="parked")
        since = listed[2]["received_at"]  # the second of the four
        wanted = {"outcome": "parked", "type": "dsync.user.created", "since": since}
        until = listed[0]["received_at"]
        ranged = await adam.post("/directory/events/replay", json=wanted | {"until": until})
        assert ranged.status_code == 200, ranged.text
        assert ranged.json() == {
            "replayed": 2, "outcomes": {"applied": 2}, "still_parked": [], "purged": [],
            "unknown": [], "next_cursor": None,
        }  # fmt: skip
        rest = (await adam.post("/directory/events/replay", json={})).json()
        assert (rest["replayed"], rest["outcomes"]) == (2, {"parked": 1, "applied": 1})
        assert rest["still_parked"] == [parked[0]["id"]]
        chosen = {"ids": [parked[1]["id"], "event_unknown"]}
        again = (await adam.post("/directory/events/replay", json=chosen)).json()
        assert (again["outcomes"], again["unknown"]) == ({"superseded": 1}, ["event_unknown"])
        other = (await adam.post("/directory/events/replay", json={"type": "x"})).json()
        assert other["replayed"] == 0

    async def test_replaying_everything_changes_nothing(self, stack: Stack) -> None:
        """Invariant 3: whatever is applied again, and however often, mirror and access stay."""
        ann, kim, lea = stack.person("Ann"), stack.person("Kim"), stack.person("Lea")
        authors = stack.group("Authors", ann, kim)
        designers = stack.group("Designers", ann, lea)
        adam = await stack.sign_in_as("Admins", "Adam")
        stack.emulator.deactivate_user(kim)
        stack.emulator.remove_member(authors, ann)
        stack.emulator.rename_group(designers, "Admins of design")
        stack.emulator.delete_group(designers)
        stack.emulator.reactivate_user(kim)
        await stack.deliver()

        async def state() -> Any:
            tables = {
                name: f"SELECT to_jsonb(t) FROM {name} t WHERE organization_id = :org ORDER BY 1"
                for name in (
                    "directories", "directory_users", "directory_groups", "directory_memberships",
                    "role_mappings", "users", "access",
                )
            }  # fmt: skip
            async with stack.database.connect() as connection:
                mirror = {
                    name: (
                        await connection.execute(text(query), {"org": stack.organization.id})
                    ).all()
                    for name, query in tables.items()
                }
            return mirror, await ask(adam, "/team")

        before = await state()
        outcomes: Counter[str] = Counter()
        for _ in range(3):
            for outcome in ("applied", "superseded"):
                answer = await adam.post("/directory/events/replay", json={"outcome": outcome})
                outcomes.update(answer.json()["outcomes"])
        assert await state() == before
        assert set(outcomes) == {"superseded"}
        inbox = await events(adam, limit=100)
        assert {event["attempts"] for event in inbox} == {4}
        assert "applied" in {event["outcome"] for event in inbox}
