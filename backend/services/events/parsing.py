"""What an event says, read from the raw bytes that brought it. Pure."""

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from backend.errors import NotAnEvent, NotJson
from backend.models import NO_ORGANIZATION
from backend.schemas.events import ParkingReason, Source
from backend.schemas.text import load_storable, storable_json
from backend.services.mirror import facts
from backend.services.mirror.facts import UnusableData
from backend.services.mirror.rows import EventRow, Facts
from backend.workos import clock
from backend.workos.models import Envelope
from backend.workos.scope import DirectoryScope


class ReadEvent(NamedTuple):
    """An event as it was read: what was sent, the inbox's row, and what to merge of it.

    Without a body it was too large to be kept.
    """

    envelope: Envelope
    body: bytes | None
    row: EventRow
    facts: Facts | None = None

    @property
    def is_event(self) -> bool:
        """Whether the body is an event at all, whether or not it can be applied."""
        return self.row["reason"] not in {ParkingReason.NOT_JSON, ParkingReason.NOT_AN_EVENT}


def parse(body: bytes) -> Envelope:
    """The envelope of a raw body; what cannot be stored of a text (NUL) becomes U+FFFD.

    Raises:
        NotAnEvent: it is not JSON, or not an event.
    """
    try:
        sent = load_storable(body)
    except (ValueError, RecursionError) as error:
        raise NotJson from error
    try:
        return Envelope.model_validate(sent)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise NotAnEvent(f"The body is not a WorkOS event: {field}: {first['msg']}.") from error


def read(
    body: bytes, source: Source, scope: DirectoryScope, *, sent_at: datetime | None = None
) -> ReadEvent:
    """What an event says.

    Args:
        body: the raw bytes, already proved to be WorkOS's.
        source: what brought it.
        scope: the directories that are listened to.
        sent_at: by WorkOS's clock, where it was told; now for a try of our own. An event from
            after that is to be parked.

    Raises:
        NotAnEvent: the body is not an event.
    """
    event = parse(body)
    return ReadEvent(event, body, *facts.read(event, source, scope, sent_at or clock.now()))


def read_leniently(
    body: bytes,
    source: Source,
    scope: DirectoryScope,
    *,
    at: datetime,
    sent_at: datetime | None = None,
    kept_under: str = NO_ORGANIZATION,
) -> ReadEvent:
    """As `read`, of what must be kept whatever it is; what is no event is to be parked.

    Its own id, type and time are kept where it has them; otherwise the id is made from the body,
    so that it is the same each time.

    Args:
        body: as for `read`.
        source: as for `read`.
        scope: as for `read`.
        at: its time, where it says none.
        sent_at: as for `read`.
        kept_under: the organization of its row, where it says none.
    """
    try:
        event = read(body, source, scope, sent_at=sent_at)
    except NotAnEvent as error:
        envelope = _salvaged(body, at)
        row = facts.inbox_row(envelope, source)
        not_json = isinstance(error, NotJson)
        reason = ParkingReason.NOT_JSON if not_json else ParkingReason.NOT_AN_EVENT
        event = ReadEvent(envelope, body, facts.parked(row, UnusableData(reason, error.detail)))
    if event.row["organization_id"] != NO_ORGANIZATION:
        return event
    return event._replace(row={**event.row, "organization_id": kept_under})


def read_too_large(
    begin: bytes, size: int, source: Source, sent_at: datetime, limit: int
) -> ReadEvent:
    """Who an event is about that is too large; it is kept under an id of its own.

    So the event itself is taken in when it comes by a way that it fits through.

    Args:
        begin: of its body, already proved to be WorkOS's.
        size: of its body.
        source: as for `read`.
        sent_at: as for `read`.
        limit: what was too little.
    """
    sent: object = None
    with suppress(ValueError, RecursionError):
        # It may end within a character.
        sent = storable_json(from_json(begin.decode(errors="ignore"), allow_partial=True))
    fields = sent if isinstance(sent, dict) else {}
    envelope = _filled(
        {
            "id": f"too_large_{hashlib.sha256(begin).hexdigest()}",
            "event": "too_large",
            "data": {},
            "created_at": sent_at.isoformat(),
        },
        fields,
    )
    row = facts.inbox_row(envelope, source)
    why = UnusableData(
        ParkingReason.TOO_LARGE,
        f"{envelope.id} has {size:,} bytes; at most {limit:,} are taken.",
    )
    row["id"] = f"too_large_{hashlib.sha256(envelope.id.encode()).hexdigest()}"
    return ReadEvent(envelope, None, facts.parked(row, why))


def _salvaged(body: bytes, at: datetime) -> Envelope:
    sent: object = None
    with suppress(ValueError, RecursionError):
        sent = load_storable(body)
    fields = sent if isinstance(sent, dict) else {}
    made: dict[str, object] = {
        "id": f"malformed_{hashlib.sha256(body).hexdigest()}",
        "event": "malformed",
        "data": {},
        "created_at": at.isoformat(),
    }
    return _filled(made, fields)


def _filled(made: dict[str, object], fields: dict[Any, Any]) -> Envelope:
    """What was made, with those fields in its stead that can be used."""
    kept = made
    for name in made:
        candidate = kept | {name: fields.get(name)}
        with suppress(ValidationError):
            Envelope.model_validate(candidate)
            kept = candidate
    return Envelope.model_validate(kept)
