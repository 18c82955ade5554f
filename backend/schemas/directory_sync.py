"""The answer to a webhook."""

from enum import StrEnum

from pydantic import BaseModel


class Outcome(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    PARKED = "parked"


class Source(StrEnum):
    WEBHOOK = "webhook"
    CATCH_UP = "catch_up"
    REPLAY = "replay"


class Receipt(BaseModel):
    outcome: Outcome
