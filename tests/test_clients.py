"""Clients that others make of the API's description: they compile, and list the posts."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.serving import serving
from tests.stack import Stack
from tools.export_openapi import TARGET

FRONTEND = TARGET.parent

PYTHON = """
import sys
from rollcall_client import AuthenticatedClient
from rollcall_client.api.posts import create_post, list_posts
from rollcall_client.models import Post, PostCreate, PostPage

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
written = create_post.sync(client=client, body=PostCreate(title="From Python", content="…"))
assert isinstance(written, Post)
page = list_posts.sync(client=client, limit=5)
assert isinstance(page, PostPage)
print(*(post.title for post in page.items))
"""

TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./schema.d.ts";

const [, , baseUrl, token] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
await client.POST("/posts", { body: { title: "From TypeScript", content: "…" } });
const { data } = await client.GET("/posts", { params: { query: { limit: 5 } } });
const titles: string[] = (data?.items ?? []).map((post) => post.title);
console.log(titles.join(" "));
"""


class Served(NamedTuple):
    """Where the application is, and a token for it."""

    url: str
    token: str


@pytest.fixture
async def served(stack: Stack) -> AsyncIterator[Served]:
    ann = await stack.sign_in_as("Authors")
    made = await ann.post("/tokens", json={"name": "Client", "scopes": ["read", "write"]})
    async with serving(stack.app) as url:
        yield Served(url, made.json()["secret"])


async def run(*command: str | Path, cwd: Path) -> str:
    """What it prints; both clients ask this very process meanwhile."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


async def test_a_python_client(served: Served, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("package_name_override: rollcall_client\npost_hooks: []\n")
    await run(
        "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning",
        "--path", TARGET, "--config", config, "--output-path", tmp_path / "rollcall_client",
        cwd=tmp_path,
    )  # fmt: skip
    program = tmp_path / "program.py"
    program.write_text(PYTHON)
    await run(sys.executable, "-m", "mypy", "--strict", "--config-file=", program, cwd=tmp_path)
    printed = await run(sys.executable, program, *served, cwd=tmp_path)
    assert printed == "From Python"


async def test_a_typescript_client(served: Served, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(FRONTEND / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program = tmp_path / "program.ts"
    program.write_text(TYPESCRIPT)
    binaries = FRONTEND / "node_modules" / ".bin"
    await run(binaries / "openapi-typescript", TARGET, "--output", "schema.d.ts", cwd=tmp_path)
    strict = "--noEmit --strict --target esnext --module nodenext --allowImportingTsExtensions"
    await run(
        binaries / "tsc", *strict.split(), "--types", "node", "--skipLibCheck", program,
        cwd=tmp_path,
    )  # fmt: skip
    assert await run("node", program, *served, cwd=tmp_path) == "From TypeScript"
