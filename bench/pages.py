"""`make bench-pages`: how soon a page is seen on a slow phone, and how smoothly it scrolls.

A Chromium whose processor is four times slower, 150 ms and 1.6 Mbit/s away, with nothing cached.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, Page, Response, ViewportSize, async_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import sides
from bench.filled import Size
from bench.run import home_and_server
from tools.browser import ARGUMENTS, find

SLOWER = 4
LATENCY_MS = 150
BYTES_A_SECOND = 1.6e6 / 8
FIRST_PAINT_MS = 800
SCRIPT_KB = 80
FRAMES = 60
_PHONE = ViewportSize(width=390, height=844)
_DESKTOP = ViewportSize(width=1440, height=900)
_MEMBER, _ADMIN = 1, 0
_PAINTED = """() => new Promise((resolve) => {
    new PerformanceObserver((list, observer) => {
        const first = list.getEntriesByName("first-contentful-paint")[0];
        if (first === undefined) return;
        observer.disconnect();
        resolve(first.startTime);
    }).observe({type: "paint", buffered: true});
})"""
_FURTHER_DOWN = """() => {
    scrollTo(0, document.documentElement.scrollHeight);
    return document.documentElement.scrollHeight;
}"""
_MOST_PARTS = 300
_ROW = 44  # pixels
_HIGH = 1000 * _ROW
_SCROLLED = """(seconds) => new Promise((resolve) => {
    const frames = [];
    const end = performance.now() + seconds * 1000;
    function frame(now) {
        frames.push(now);
        scrollBy(0, -30);
        if (now < end) requestAnimationFrame(frame);
        else resolve({
            height: document.documentElement.scrollHeight,
            lasted: frames.slice(1).map((at, index) => at - frames[index]),
            rows: document.querySelectorAll("tbody tr").length,
        });
    }
    requestAnimationFrame(frame);
})"""


class Load(NamedTuple):
    """One first load: milliseconds, and kilobytes as they went over the wire."""

    painted: float
    shown: float
    script: float
    all: float


@asynccontextmanager
async def opened(
    browser: Browser, port: int, cookie: str | None, size: ViewportSize, *, far: bool
) -> AsyncIterator[Page]:
    address = f"http://localhost:{port}"
    context = await browser.new_context(base_url=address, viewport=size)
    if cookie:
        name, _, value = cookie.partition("=")
        await context.add_cookies([{"name": name, "value": value, "url": address}])
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    if far:
        await session.send("Network.enable")
        await session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY_MS,
                "downloadThroughput": BYTES_A_SECOND,
                "uploadThroughput": BYTES_A_SECOND,
            },
        )
    yield page
    await context.close()


async def first_load(browser: Browser, port: int, cookie: str | None, path: str) -> Load:
    async with opened(browser, port, cookie, _PHONE, far=True) as page:
        answers: list[Response] = []

        def note(answer: Response) -> None:
            answers.append(answer)

        page.on("response", note)
        await page.goto(path, wait_until="commit")
        await page.get_by_role("heading", level=1).first.wait_for()
        shown = float(await page.evaluate("performance.now()"))
        painted = float(await page.evaluate(_PAINTED))
        await page.wait_for_timeout(1000)
        script = whole = 0
        for answer in answers:
            if answer.url.endswith("/live"):
                continue  # it has no end
            sizes = await answer.request.sizes()
            whole += sizes["responseBodySize"]
            if answer.request.resource_type == "script":
                script += sizes["responseBodySize"]
    return Load(painted, shown, script / 1024, whole / 1024)


async def scroll(browser: Browser, port: int, cookie: str, path: str, seconds: int) -> None:
    """Up through a thousand rows that have been read."""
    async with opened(browser, port, cookie, _DESKTOP, far=False) as page:
        await page.goto(path)
        await page.locator("tbody tr").first.wait_for()
        processor = await page.context.new_cdp_session(page)
        await processor.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        for _ in range(_MOST_PARTS):
            height = await page.evaluate(_FURTHER_DOWN)
            if height > _HIGH:
                break
            await page.wait_for_timeout(100)
        for slower in (1, SLOWER):
            await processor.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            await page.wait_for_timeout(1000)
            _show_frames(f"{path}, {slower} times", await page.evaluate(_SCROLLED, seconds))


def _show_frames(name: str, seen: dict[str, Any]) -> None:
    lasted = sorted(seen["lasted"])
    rate = len(lasted) / (sum(lasted) / 1000)
    slow = 100 * sum(each > 1.5 * 1000 / FRAMES for each in lasted) / len(lasted)
    print(
        f"{name:26}{rate:>10.1f}{lasted[int(len(lasted) * 0.99)]:>10.0f}{lasted[-1]:>10.0f}"
        f"{slow:>10.1f}{seen['height'] / _ROW:>10.0f}{seen['rows']:>10}",
        flush=True,
    )


async def loads(
    browser: Browser, port: int, member: str, admin: str, given: argparse.Namespace
) -> None:
    print(f"{'first load':26}{'FCP ms':>10}{'shown ms':>10}{'script KB':>10}{'all KB':>10}")
    for path, cookie in (
        ("/", None),
        ("/dashboard", member),
        ("/dashboard/team", member),
        ("/dashboard/account", member),
        ("/dashboard/directory", admin),
    ):
        seen = [await first_load(browser, port, cookie, path) for _ in range(given.rounds)]
        middle = Load(*(statistics.median(part) for part in zip(*seen, strict=True)))
        missed = [
            *(["paint"] if middle.painted > FIRST_PAINT_MS else []),
            *(["script"] if middle.script > SCRIPT_KB and cookie != admin else []),
        ]
        print(
            f"{path:26}{middle.painted:>10.0f}{middle.shown:>10.0f}"
            f"{middle.script:>10.1f}{middle.all:>10.1f}"
            f"{'  MISSED: ' + ', '.join(missed) if missed else ''}",
            flush=True,
        )


async def scrolling(browser: Browser, port: int, admin: str, given: argparse.Namespace) -> None:
    heads = ("frames/s", "p99 ms", "most ms", "slow %", "read", "in page")
    print(f"{'scrolling':26}{''.join(f'{head:>10}' for head in heads)}")
    for path in ("/dashboard/team", "/dashboard/events"):
        await scroll(browser, port, admin, path, given.seconds)


async def main(given: argparse.Namespace) -> None:
    executable = await asyncio.to_thread(find)
    with home_and_server() as (home, server):
        async with (
            sides.filled(server, home, "pages", Size(given.people, 1)) as (program, environment),
            async_playwright() as playwright,
        ):
            member, admin = (sides.cookie_of(who, environment) for who in (_MEMBER, _ADMIN))
            browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            if given.only != "scrolling":
                await loads(browser, program.port, member, admin, given)
            if given.only != "loads":
                await scrolling(browser, program.port, admin, given)
            await browser.close()


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("loads", "scrolling"), help="one part of it")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of scrolling")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(main(options(sys.argv[1:])))
