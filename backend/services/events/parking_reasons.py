"""Why an event is parked, in plain words, and what an operator can do about it."""

from backend.schemas.events import ParkingReason

_AT_THE_SOURCE = (
    "Change the person or group in the identity provider, which sends a new event, "
    "or reconcile the directory."
)
_AFTER_AN_UPDATE = "If other events look like it, update Rollcall and replay it."

# What is in braces is the field.
_SENTENCES: dict[ParkingReason, str] = {
    ParkingReason.NOT_JSON: f"What WorkOS sent is no JSON, and names nobody. {_AT_THE_SOURCE}",
    ParkingReason.NOT_AN_EVENT: (
        "What WorkOS sent lacks a part that every event has: its id, type, time or data. "
        f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
    ),
    ParkingReason.FIELD_MISSING: (
        "WorkOS sent the event without “{field}”, which is needed to apply it. "
        f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
    ),
    ParkingReason.FIELD_EMPTY: (
        f"The value of “{{field}}” is empty, and the event names nobody. {_AT_THE_SOURCE}"
    ),
    ParkingReason.FIELD_TOO_LONG: (
        f"The value of “{{field}}” is too long to be stored. Shorten it. {_AT_THE_SOURCE}"
    ),
    ParkingReason.FIELD_INVALID: (
        "The value of “{field}” is not of the kind that WorkOS describes. "
        f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
    ),
    ParkingReason.TOO_LARGE: (
        "The event is larger than Rollcall takes, so it was neither applied nor kept. Reconcile "
        "the directory, which reads what it said, and take the large attribute, such as a photo, "
        "out of what the identity provider sends."
    ),
    ParkingReason.FROM_THE_FUTURE: (
        "The event is dated in the future, and would win against everything that happens until "
        "then, so it waits for its time; each retry looks again. Check the clock of this machine "
        "against WorkOS's. To have the directory as it is now, reconcile it."
    ),
    ParkingReason.TWO_ORGANIZATIONS: (
        "The person and the group of this membership belong to different organizations, or other "
        f"parts of the event name different ones, so it was applied to none. {_AT_THE_SOURCE}"
    ),
    ParkingReason.TWO_DIRECTORIES: (
        "The person and the group of this membership belong to different directories, or other "
        f"parts of the event name different ones, so it was applied to none. {_AT_THE_SOURCE}"
    ),
    ParkingReason.VALUE_TOO_LONG: (
        "A value of the event is too long to be stored, most likely a name or an id. "
        f"Shorten it. {_AT_THE_SOURCE}"
    ),
    ParkingReason.VALUE_NOT_JSON: (
        "The event has a value that is no JSON, such as a number that is not one (NaN). "
        f"{_AT_THE_SOURCE}"
    ),
    ParkingReason.RULE_VIOLATED: (
        "The database's rules refuse a value of the event. If the cause is gone, replay it; "
        "otherwise report the text in `detail` to whoever runs Rollcall."
    ),
    ParkingReason.NOT_STORABLE: (
        "The event's data cannot be stored. Replay it after an update of Rollcall, or "
        "reconcile the directory; `detail` has the exact reason."
    ),
}


def sentence(reason: str | None, field: str | None) -> str | None:
    """The sentence for a reason; None for none."""
    return None if reason is None else _SENTENCES[ParkingReason(reason)].format(field=field)
