"""The application behind a real server, for what only shows on a wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from backend.cli.main import SERVER
from tests.working import until


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Its address; the application has been started by somebody else."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", **SERVER))
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
