"""A company whose mirror has missed something."""

import pytest

from tests.stack import Stack


@pytest.fixture
async def company(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A mirror that has missed some events, of a company with more people than a page holds."""
    monkeypatch.setattr("backend.workos.client.PAGE_SIZE", 10)
    people = [stack.person("Ann") for _ in range(18)]
    authors = stack.group("Authors", *people[:16])
    admins = stack.group("Admins", people[0])
    await stack.deliver()
    stack.clock.advance(60)
    for person in people[14:]:
        stack.emulator.delete_user(person)
    stack.emulator.update_user(people[1], first_name="Anna")
    stack.emulator.remove_member(authors, people[2])
    stack.emulator.add_member(admins, people[3])
    stack.person("New")
    stack.skip()
    return stack
