"""A browser is sent the pages' files as the build has compressed them, and told so."""

import gzip
from pathlib import Path

import pytest

from backend.http.pages import PAGES
from tests.stack import Stack

PAGE = PAGES / "index.html"


def largest_script() -> Path:
    return max((PAGES / "_app" / "immutable").rglob("*.js"), key=lambda path: path.stat().st_size)


def compressed(path: Path, suffix: str) -> bytes:
    return path.with_name(path.name + suffix).read_bytes()


@pytest.mark.parametrize(
    ("accepted", "coding", "suffix"),
    [
        ("gzip, deflate, br, zstd", "br", ".br"),
        ("br;q=0.5, gzip", "br", ".br"),
        ("gzip, br;q=0", "gzip", ".gz"),
        ("GZIP", "gzip", ".gz"),
        ("*", None, ""),
        ("br;q=0, gzip;q=0.000", None, ""),
        ("brotli", None, ""),
    ],
)
async def test_the_best_form_that_a_browser_takes(
    stack: Stack, accepted: str, coding: str | None, suffix: str
) -> None:
    script = largest_script()
    asked = [(f"/{script.relative_to(PAGES)}", script), ("/dashboard/team", PAGE), ("/", PAGE)]
    headers = {"Accept-Encoding": accepted, "Accept": "text/html"}
    async with stack.browser() as browser:
        for address, path in asked:
            async with browser.stream("GET", address, headers=headers) as answer:
                sent = b"".join([part async for part in answer.aiter_raw()])
            assert answer.status_code == 200
            assert answer.headers.get("content-encoding") == coding, address
            assert answer.headers["vary"] == "Accept-Encoding"
            assert int(answer.headers["content-length"]) == len(sent)
            assert sent == (path.read_bytes() if coding is None else compressed(path, suffix))
            kind = answer.headers["content-type"]
            assert kind.startswith("text/javascript" if path is script else "text/html")
            head = await browser.head(address, headers=headers)
            for name in ("content-encoding", "content-length", "etag", "vary"):
                assert head.headers.get(name) == answer.headers.get(name), name


async def test_a_compressed_file_that_is_asked_for_by_its_name_says_what_it_is(
    stack: Stack,
) -> None:
    address = f"/{largest_script().relative_to(PAGES)}.br"
    async with stack.browser() as browser:
        answer = await browser.get(address, headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "br")
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_what_is_compressed_is_the_file_and_smaller() -> None:
    for path in (largest_script(), PAGE):
        assert gzip.decompress(compressed(path, ".gz")) == path.read_bytes()
        brotli, zipped = compressed(path, ".br"), compressed(path, ".gz")
        assert len(brotli) < len(zipped) < path.stat().st_size


async def test_whichever_form_a_browser_has_it_is_told_that_it_is_unchanged(stack: Stack) -> None:
    address = f"/{largest_script().relative_to(PAGES)}"
    async with stack.browser() as browser:
        tags = set()
        for accepted in ("br", "gzip", "identity"):
            headers = {"Accept-Encoding": accepted}
            found = await browser.get(address, headers=headers)
            tags.add(found.headers["etag"])
            headers["If-None-Match"] = found.headers["etag"]
            unchanged = await browser.get(address, headers=headers)
            assert unchanged.status_code == 304
            assert unchanged.headers["vary"] == "Accept-Encoding"
            assert "content-encoding" not in unchanged.headers
        # A weak tag says that the bytes may be others.
        assert len(tags) == 2
        assert {tag.removeprefix("W/") for tag in tags} <= tags


async def test_a_part_of_a_file_is_of_its_plain_form(stack: Stack) -> None:
    script = largest_script()
    headers = {"Accept-Encoding": "br", "Range": "bytes=10-19"}
    async with stack.browser() as browser:
        part = await browser.get(f"/{script.relative_to(PAGES)}", headers=headers)
    assert (part.status_code, part.content) == (206, script.read_bytes()[10:20])
    assert "content-encoding" not in part.headers
    assert part.headers["vary"] == "Accept-Encoding"


async def test_what_the_api_answers_is_sent_as_it_is(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins")
    for path in ("/me", "/posts", "/people"):
        answer = await adam.get(path, headers={"Accept-Encoding": "br, gzip"})
        assert answer.status_code == 200
        assert {"content-encoding", "vary"}.isdisjoint(answer.headers)
