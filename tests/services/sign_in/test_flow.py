"""Where a sign-in leads to in the end: always within this site."""

from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backend.services.sign_in.flow import local_path
from tests.stack import ORIGIN, Stack


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(return_to=st.text("/\\.:@?#\t\r\n\0%ehtpsvil ", max_size=12) | st.text(max_size=9))
@example(return_to="//evil.example")
@example(return_to="/\\evil.example")
@example(return_to="/\t/evil.example")
@example(return_to="https://evil.example/")
@example(return_to="javascript:alert(1)")
async def test_return_to_never_leaves_the_site(stack: Stack, return_to: str) -> None:
    ann = stack.__dict__.get("ann") or stack.person("Ann")
    stack.__dict__["ann"] = ann
    await stack.deliver()
    code = stack.emulator.sso_code(ann, stack.organization.id)
    query = urlencode({"organization": stack.organization.id, "return_to": return_to})
    location = await stack.finish_sign_in(stack.browser(), code, f"/auth?{query}")
    # As a browser reads it: backslashes are slashes, tabs and line ends are dropped.
    seen = location.replace("\\", "/").translate({9: None, 10: None, 13: None})
    target = urlsplit(urljoin(ORIGIN, seen))
    assert f"{target.scheme}://{target.netloc}" == ORIGIN


@pytest.mark.parametrize(
    ("return_to", "path"),
    [
        ("/dashboard/new", "/dashboard/new"),
        ("/a?b=c#d", "/a?b=c#d"),
        ("", "/dashboard"),
        (None, "/dashboard"),
        ("dashboard", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("/\t/evil.example", "/dashboard"),
        ("/a\r\nSet-Cookie: b=c", "/dashboard"),
        ("/" + "x" * 2000, "/dashboard"),
        ("/é", "/dashboard"),
    ],
)
def test_local_path(return_to: str | None, path: str) -> None:
    assert local_path(return_to) == path
