"""How this process writes its log: a line each, as JSON or for people."""

import logging
import sys
from contextvars import ContextVar
from enum import StrEnum
from typing import assert_never

import structlog
from structlog.typing import EventDict, Processor

# A variable of our own: structlog's take tokens and dictionaries, at every request.
_REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    PLAIN = "plain"


def configure(log_format: LogFormat) -> None:
    """Write every logger's lines with time, level and request id; `auto`: as a terminal is there.

    The loggers stay the standard library's: what libraries say is written likewise.
    """
    match log_format:
        case LogFormat.AUTO:
            json = not sys.stderr.isatty()
        case LogFormat.JSON:
            json = True
        case LogFormat.PLAIN:
            json = False
        case _:
            assert_never(log_format)
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _add_request_id,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # What fails in a job we say ourselves.
    logging.getLogger("pgqueuer").propagate = False


def begin_request(request_id: str) -> None:
    """Write this id into every line of the present task."""
    _REQUEST_ID.set(request_id)


def request_id() -> str | None:
    """That of the request that the present task answers."""
    return _REQUEST_ID.get()


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    if (of := _REQUEST_ID.get()) is not None:
        event["request_id"] = of
    return event
