"""What a line of the log is made of."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from backend import logs
from backend.logs import LogFormat


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("uvicorn", "uvicorn.error"):  # as `rollcall serve` leaves them
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    root, queuer = logging.getLogger(), logging.getLogger("pgqueuer")
    before = root.handlers, root.level, queuer.propagate
    yield
    root.handlers, root.level, queuer.propagate = before


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogFormat.JSON)
    logs.begin_request("of-this")
    logging.getLogger("backend.x").warning("webhook refused: %s", "y", extra={"reason": "y"})
    try:
        int("no number")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("It failed\nbadly")
    warning, error = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert datetime.fromisoformat(warning.pop("timestamp")).tzinfo is not None
    assert warning == {
        "event": "webhook refused: y", "level": "warning", "logger": "backend.x",
        "reason": "y", "request_id": "of-this",
    }  # fmt: skip
    assert (error["level"], error["event"]) == ("error", "It failed\nbadly")
    assert error["exception"].endswith("'no number'")


def test_plain(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogFormat.PLAIN)
    logs.begin_request("of-that")
    logging.getLogger("backend.x").warning("request refused", extra={"reason": "cross_site"})
    (line,) = capsys.readouterr().err.splitlines()
    for part in ("Z ", "warning", "request refused", "reason=cross_site", "request_id=of-that"):
        assert part in line


def test_without_a_terminal_it_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogFormat.AUTO)
    logging.getLogger("backend.x").info("not shown")
    logging.getLogger("backend.x").warning("shown")
    assert json.loads(capsys.readouterr().err)["event"] == "shown"
