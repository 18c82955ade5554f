"""Webhooks: signed, sent until answered 2xx, and spoiled on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from workos import AsyncWorkOSClient

from emulator.testing import Emulator, Reply

SECRET = "whsec_of_the_emulator"


class Receiver:
    """Answers as told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self.answer: Callable[[int], Reply] = lambda _: Reply(200, "ok")

    async def __call__(self, headers: dict[str, str], body: bytes, _timeout: float) -> Reply:
        self.requests.append((headers["WorkOS-Signature"], body))
        await asyncio.sleep(0)
        return self.answer(len(self.requests))

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, body in self.requests]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def sending(receiver: Receiver) -> AsyncIterator[Emulator]:
    emulator = Emulator(post=receiver)
    emulator.settings.first_retry_seconds = 0.05
    async with emulator:
        yield emulator
    emulator.close()


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def states(emulator: Emulator) -> list[str]:
    return [row["state"] for row in emulator.world.store.rows("select state from deliveries")]


async def test_each_event_is_sent_and_signed(
    sending: Emulator, receiver: Receiver, workos: AsyncWorkOSClient
) -> None:
    acme = sending.create_organization("Ácme")
    sending.create_directory(acme.id, "Okta")
    assert await sending.settled()
    assert sorted(receiver.ids) == [event["id"] for event in sending.events[:2]]
    for signature, body in receiver.requests:
        verified = workos.webhooks.verify_event(
            event_body=body, event_signature=signature, secret=SECRET, tolerance=180
        )
        assert json.loads(body)["event"] == getattr(verified, "event", None)


async def test_anything_but_2xx_is_tried_again_later_and_later(
    sending: Emulator, receiver: Receiver
) -> None:
    statuses = [500, 302, 404, 204]
    receiver.answer = lambda turn: Reply(statuses[turn - 1], "answer")
    sending.create_organization("Acme")
    await until(lambda: states(sending) == ["delivered"])
    tries = sending.world.store.rows("select at, status, answer from attempts order by id")
    assert [each["status"] for each in tries] == statuses
    waits = [later["at"] - earlier["at"] for earlier, later in pairwise(tries)]
    assert [wait >= least for wait, least in zip(waits, (50, 100, 200), strict=True)] == [True] * 3
    assert len(set(receiver.ids)) == 1


async def test_a_receiver_that_comes_up_late_gets_everything_at_once(
    sending: Emulator, receiver: Receiver
) -> None:
    sending.settings.first_retry_seconds = 600

    def away(_: int) -> Reply:
        raise ConnectionRefusedError("nobody there")

    receiver.answer = away
    for number in range(30):
        sending.create_organization(f"Company {number}")
    assert not await sending.settled(1)
    receiver.answer = lambda _: Reply(200, "ok")
    await until(lambda: states(sending) == ["delivered"] * 30, 3)


async def test_a_delayed_webhook_is_not_sent_early_to_see_whether_somebody_is_there(
    sending: Emulator, receiver: Receiver
) -> None:
    def away(_: int) -> Reply:
        raise ConnectionRefusedError("nobody there")

    receiver.answer = away
    sending.faults.delay, sending.faults.delay_seconds = 1, 600
    sending.create_organization("Delayed")
    sending.create_organization("Now")
    await until(lambda: len(receiver.requests) == 3)
    assert set(receiver.ids) == {sending.events[1]["id"]}


async def test_no_answer_in_time_is_a_failed_try(receiver: Receiver) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent) as port:
        emulator = Emulator(webhook_url=f"http://127.0.0.1:{port}/hook")
        emulator.settings.timeout_seconds = 0.1
        async with emulator:
            emulator.create_organization("Acme")
            await emulator.settled()
            row = emulator.world.store.one("select * from deliveries")
        emulator.close()
    assert (row["state"], row["last_status"]) == ("pending", None)
    assert row["last_answer"] == "no answer within 0.1 s"
    assert receiver.requests == []


async def test_real_http_keeps_its_connections() -> None:
    """The client reads several answers from one connection, and opens another when it closes."""
    connections = 0
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for turn in range(3):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            bodies.append(await reader.readexactly(length))
            close = b"Connection: close\r\n" if turn == 2 else b""
            writer.write(b"HTTP/1.1 200 OK\r\n" + close + b"Transfer-Encoding: chunked\r\n\r\n")
            writer.write(b"2\r\nok\r\n0\r\n\r\n")
            await writer.drain()
        writer.close()

    async with listening(serve) as port:
        emulator = Emulator(webhook_url=f"http://127.0.0.1:{port}/hook?x=1")
        emulator.settings.deliveries_at_once = 1
        async with emulator:
            for number in range(7):
                emulator.create_organization(f"Company {number}")
            assert await emulator.settled()
            answers = {row[0] for row in emulator.world.store.rows("select answer from attempts")}
        emulator.close()
    assert len(bodies) == 7
    assert connections == 3
    assert answers == {"ok"}


@pytest.mark.parametrize(
    ("head", "state"), [(b"HTTP/1.0 200 OK", "delivered"), (b"HTTP/1.1 503 Busy", "pending")]
)
async def test_an_answer_may_end_with_its_connection(head: bytes, state: str) -> None:
    """As Python's own http.server and many small receivers answer: no length, then the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"\r\nServer: small\r\n\r\ntold")
        await writer.drain()
        writer.close()

    async with listening(serve) as port:
        emulator = Emulator(webhook_url=f"http://127.0.0.1:{port}/hook")
        async with emulator:
            emulator.create_organization("Acme")
            await emulator.settled()
            row = emulator.world.store.one("select * from deliveries")
        emulator.close()
    assert (row["state"], row["last_answer"]) == (state, "told")
    assert row["last_status"] == int(head.split()[1])


async def test_an_event_that_is_never_answered_holds_up_no_other() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if b"Poison" not in await reader.readexactly(length):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with listening(serve) as port:
        emulator = Emulator(webhook_url=f"http://127.0.0.1:{port}/hook")
        emulator.settings.first_retry_seconds = 0.05
        async with emulator:
            emulator.create_organization("Poison")
            await until(lambda: emulator.world.store.number("select count(*) from attempts") == 2)
            for number in range(3):
                emulator.create_organization(f"Company {number}")
            await until(lambda: states(emulator)[1:] == ["delivered"] * 3)
            row = emulator.world.store.one("select * from deliveries")
        emulator.close()
    assert (row["state"], row["last_status"]) == ("pending", None)
    assert row["last_answer"] == "the connection was closed without an answer"


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.01)


async def test_send_twice_drop_and_a_bad_signature(
    sending: Emulator, receiver: Receiver, workos: AsyncWorkOSClient
) -> None:
    sending.faults.send_twice = 1
    first = sending.create_organization("Twice")
    await sending.settled()
    assert receiver.ids == [sending.events[0]["id"]] * 2
    assert first.id in receiver.requests[0][1].decode()

    sending.faults.drop = 1
    sending.create_organization("Dropped")
    await sending.settled()
    assert len(receiver.requests) == 2
    assert states(sending)[-1] == "dropped"

    def judge(turn: int) -> Reply:
        signature, body = receiver.requests[turn - 1]
        try:
            workos.webhooks.verify_event(
                event_body=body, event_signature=signature, secret=SECRET, tolerance=180
            )
        except ValueError:
            return Reply(401, "bad signature")
        return Reply(200, "ok")

    receiver.answer = judge
    sending.faults.corrupt_signature = 1
    sending.create_organization("Corrupt")
    await until(lambda: states(sending)[-1] == "delivered")
    tried = sending.world.store.rows("select status from attempts order by id")
    assert [each["status"] for each in tried[-2:]] == [401, 200]
    assert sending.faults.model_dump() == type(sending.faults)().model_dump()


async def test_delay_shuffle_and_outage(sending: Emulator, receiver: Receiver) -> None:
    sending.settings.deliveries_at_once = 1
    sending.faults.delay, sending.faults.delay_seconds = 1, 0.3
    for number in range(2):
        sending.create_organization(f"Company {number}")
    await until(lambda: len(receiver.requests) == 2)
    emitted = [event["id"] for event in sending.events]
    assert receiver.ids == emitted[::-1]

    receiver.requests.clear()
    sending.faults.shuffle, sending.faults.shuffle_seconds = -1, 0.4
    for number in range(20):
        sending.create_organization(f"Shuffled {number}")
    await until(lambda: len(receiver.requests) == 20)
    emitted = [event["id"] for event in sending.events[2:]]
    assert sorted(receiver.ids) == emitted
    assert receiver.ids != emitted

    receiver.requests.clear()
    sending.faults.shuffle = 0
    sending.faults.webhooks_down_until = sending.world.clock.now_ms() + 600_000
    sending.create_organization("Down")
    assert not await sending.settled()
    sending.faults.webhooks_down_until = 0
    await until(lambda: len(receiver.requests) == 1)


async def test_what_is_under_way_at_the_end_is_sent_by_the_next_start(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> None:
    home = tmp_path_factory.mktemp("home")
    first = Emulator(home=home)
    first.create_organization("Acme")
    emitted = first.events
    first.close()
    second = Emulator(home=home, post=receiver)
    async with second:
        assert await second.settled()
        assert second.create_organization("Later").id > emitted[0]["data"]["id"]
    assert receiver.ids == [emitted[0]["id"]]
    assert second.events[0] == emitted[0]
    second.close()
