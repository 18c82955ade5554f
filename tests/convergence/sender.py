"""A program that delivers webhooks to an application of its own, as WorkOS would, eight at a time.

    python -m tests.convergence.sender DATABASE_URL EVENTS.json SEED

It prints how often each answer came.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
from pydantic import SecretStr

from backend.database import Database
from backend.main import create_app
from backend.settings import Settings
from backend.workos.client import WorkosClient
from emulator.workos.webhooks.signature import HEADER, sign

AT_ONCE = 8

_SECRET = "whsec_of_the_sender"


async def deliver_all(database_url: str, events: list[object], seed: int) -> Counter[str]:
    """Deliver in an order of this seed; what is answered 503 is delivered again."""
    settings = Settings(
        workos_webhook_secret=SecretStr(_SECRET),
        session_secret=SecretStr("a secret for tests, and long enough"),
    )
    app = create_app(
        settings,
        database=Database(database_url, pool_size=AT_ONCE),
        workos=WorkosClient(settings),
        check_pages=False,
    )
    Random(seed).shuffle(events)
    waiting = iter(events)
    answers: Counter[str] = Counter()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(AT_ONCE):
            tasks.create_task(_deliver_while_there_are(client, waiting, answers))
    return answers


async def _deliver_while_there_are(
    client: httpx.AsyncClient, waiting: Iterator[object], answers: Counter[str]
) -> None:
    for event in waiting:
        body = json.dumps(event).encode()
        answer = await _post(client, body)
        while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            answers["503"] += 1
            await asyncio.sleep(0.05)
            answer = await _post(client, body)
        answers[answer.json().get("outcome", str(answer.status_code))] += 1


async def _post(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    headers = {HEADER: sign(_SECRET, body, time.time_ns() // 1_000_000)}
    return await client.post("/api/directory-sync", content=body, headers=headers)


if __name__ == "__main__":
    _url, _file, _seed = sys.argv[1:]
    _answers = asyncio.run(deliver_all(_url, json.loads(Path(_file).read_text()), int(_seed)))
    sys.stdout.write(json.dumps(_answers))
