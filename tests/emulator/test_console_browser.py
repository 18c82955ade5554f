"""The console in a real browser: what only a script or a screen can get wrong."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from emulator.testing import Intent
from tests.emulator.server import Program
from tools.browser import ARGUMENTS

pytestmark = pytest.mark.browser
PAGES = (
    "/", "/people", "/groups", "/exchanges", "/workos", "/deliveries", "/faults", "/settings",
    "/tile",
)  # fmt: skip


class Content(BaseHTTPRequestHandler):
    """A receiver that is content with everything, so that no retry moves the log."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Content) as receiver:
        threading.Thread(target=receiver.serve_forever).start()
        url = f"http://127.0.0.1:{receiver.server_port}/"
        home = tmp_path_factory.mktemp("console")
        with Program(home, "--webhook-url", url) as program:
            yield program
        receiver.shutdown()


@pytest.fixture
def page(browser_path: Path | None, program: Program) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser.new_page(base_url=program.url, viewport={"width": 390, "height": 844})
        browser.close()


def test_the_delivery_log_is_live(program: Program, page: Page) -> None:
    page.goto("/deliveries")
    expect(page.locator(".counts")).to_contain_text("0 waiting")
    program.http.post("/groups", data={"name": "Seen at once"})
    expect(page.locator("tbody")).to_contain_text("Seen at once")
    # Nothing moves under somebody's keyboard; what came meanwhile is shown when they are done.
    page.locator("tbody a").first.focus()
    program.http.post("/groups", data={"name": "Seen later"})
    page.wait_for_timeout(2500)
    assert "Seen later" not in page.inner_text("tbody")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("tbody")).to_contain_text("Seen later")


def test_every_page_fits_a_phone(page: Page) -> None:
    for path in (*PAGES, "/nowhere"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        navigation = page.get_by_role("navigation", name="Console").bounding_box()
        heading = page.get_by_role("heading", level=1).bounding_box()
        assert navigation is not None
        assert heading is not None
        assert heading["y"] - navigation["y"] - navigation["height"] < 50, path
        for name in ("Start", "Settings"):
            box = page.get_by_role("link", name=name, exact=True).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390, path


@pytest.mark.parametrize("width", [390, 1440])
def test_portal_and_logout_fit_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth") == width)

    for intent in Intent:
        page.goto("/workos")
        page.get_by_label("Admin Portal for").select_option(intent)
        page.get_by_role("button", name="Open Admin Portal").click()
        expect(page.get_by_text("Admin Portal of Acme Robotics")).to_be_visible()
        assert fits(), intent
    page.goto("/settings")
    page.get_by_label("Revocation endpoint").fill("http://127.0.0.1:9/revoke")
    page.get_by_role("button", name="Save Universal Logout").click()
    page.goto("/people")
    page.locator("td a").first.click()
    page.get_by_label("Sent").select_option("expired")
    page.get_by_role("button", name="Clear sessions and revoke tokens").click()
    expect(page.get_by_role("status")).to_contain_text("did not answer")
    page.locator("details.exchange summary").first.click()
    expect(page.get_by_text("Claims of its token").first).to_be_visible()
    assert fits()
