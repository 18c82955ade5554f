"""Why an event is parked, in plain words, and what an operator can do about it."""

import re

_AT_THE_SOURCE = (
    "Change the person or group in the identity provider, which sends a new event, "
    "or reconcile the directory."
)
_AFTER_AN_UPDATE = "If other events look like it, update Rollcall and replay it."

_FIELD = re.compile(r"data\.(?P<field>[^:]*): (?P<reason>.*)", re.DOTALL)

_SENTENCES = (
    (
        "not a WorkOS event",
        (
            "What WorkOS sent lacks a part that every event has: its id, type, time or data. "
            f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
        ),
    ),
    (
        "not JSON",
        f"What WorkOS sent is no JSON, and names nobody. {_AT_THE_SOURCE}",
    ),
    (
        "belong to different organizations",
        (
            "The person and the group of this membership belong to different organizations, so it "
            f"was not applied to either. {_AT_THE_SOURCE}"
        ),
    ),
    (
        "belong to different directories",
        (
            "The person and the group of this membership belong to different directories, so it "
            f"was not applied to either. {_AT_THE_SOURCE}"
        ),
    ),
    (
        "index row",
        (
            "A value of the event is too long to be stored, most likely a name or an id. "
            f"Shorten it. {_AT_THE_SOURCE}"
        ),
    ),
    (
        "invalid input syntax for type json",
        (
            "The event has a value that is no JSON, such as a number that is not one (NaN). "
            f"{_AT_THE_SOURCE}"
        ),
    ),
    (
        "violates",
        (
            "The database's rules refuse a value of the event. If the cause is gone, replay it; "
            "otherwise report the text in `detail` to whoever runs Rollcall."
        ),
    ),
)


def in_plain_words(error: str | None) -> str | None:
    """The sentence for a technical reason; None for none."""
    if error is None:
        return None
    if found := _FIELD.fullmatch(error):
        return _of_field(found["field"], found["reason"])
    for mark, sentence in _SENTENCES:
        if mark in error:
            return sentence
    return (
        "The event's data cannot be stored. Replay it after an update of Rollcall, or "
        "reconcile the directory; `detail` has the exact reason."
    )


def _of_field(field: str, reason: str) -> str:
    name = f"“{field}”"
    if "required" in reason:
        return (
            f"WorkOS sent the event without {name}, which is needed to apply it. "
            f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
        )
    if "at most" in reason:
        return f"The value of {name} is too long to be stored. Shorten it. {_AT_THE_SOURCE}"
    if "at least" in reason:
        return f"The value of {name} is empty, and the event names nobody. {_AT_THE_SOURCE}"
    return (
        f"The value of {name} is not of the kind that WorkOS describes. "
        f"{_AT_THE_SOURCE} {_AFTER_AN_UPDATE}"
    )
