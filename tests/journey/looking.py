"""How a page is: at rest, and which of its scripts come when."""

from pathlib import Path

from playwright.async_api import Page

_BUILD = Path(__file__).parent.parent.parent / "frontend" / "build"
# A busy machine has few frames, and a key or the wheel may be on its way for some of them.
_AT_REST = """() => new Promise((resolve) => {
    let before = "", frames = 0;
    const look = () => {
        const rows = [...document.querySelectorAll("main [data-id]")];
        const places = rows.map((row) => [row.dataset.id, row.getBoundingClientRect().top]);
        const now = JSON.stringify([scrollY, document.body.scrollHeight, places]);
        frames = now === before ? frames + 1 : 0;
        before = now;
        if (frames === 20) resolve();
        else requestAnimationFrame(look);
    };
    look();
})"""


async def at_rest(page: Page) -> None:
    """Neither the page nor any row of it has moved for a while."""
    await page.evaluate(_AT_REST)


async def wheel(page: Page, pixels: int) -> None:
    """Until the page has moved by it."""
    before = await page.evaluate("scrollY")
    await page.mouse.wheel(0, pixels)
    await page.wait_for_function("(before) => scrollY !== before", arg=before)
    await at_rest(page)


def search_script() -> str:
    """The name of the one that pages fetch seconds later, before anybody wants it."""
    scripts = (_BUILD / "_app" / "immutable").rglob("*.js")
    (name,) = [script.name for script in scripts if "combobox" in script.read_text()]
    return name
