"""Why WorkOS cannot be used: a code, and one sentence for it."""

from string import Formatter
from typing import Any

import pytest

from backend.errors import FAULT_SENTENCES, CursorExpired, WorkosFault, WorkosUnavailable


@pytest.mark.parametrize("fault", WorkosFault)
def test_each_fault_of_workos_has_its_sentence(fault: WorkosFault) -> None:
    names = [name for _, name, _, _ in Formatter().parse(FAULT_SENTENCES[fault]) if name]
    params: dict[str, Any] = {name: f"{{{name}}}" for name in names}
    error = WorkosUnavailable(fault, **params)
    assert error.fault is fault
    assert error.detail == FAULT_SENTENCES[fault] == str(error)


def test_an_expired_cursor_is_a_fault_of_workos() -> None:
    assert CursorExpired().fault is WorkosFault.CURSOR_EXPIRED
