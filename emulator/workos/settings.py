"""How this WorkOS behaves, and what goes wrong on the way: both can change while it runs."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class WithoutEmail(StrEnum):
    """What becomes of a person whom the directory sends without an e-mail address."""

    HOLD_BACK = "hold_back"
    """Answered 400, kept without an event, and completed when they are sent again."""
    ANNOUNCE = "announce"


def _read_slugs(given: object) -> object:
    """A form has them in one line."""
    return [slug.strip() for slug in given.split(",")] if isinstance(given, str) else given


Slug = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
Roles = Annotated[
    tuple[Slug, ...], Field(min_length=1, max_length=50), BeforeValidator(_read_slugs)
]


class Settings(BaseModel):
    """The environment's settings; the defaults are how the real one behaves."""

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    retain_deactivated: bool = False
    """Soft deletion: a deactivated person stays, as `inactive`, and is not deleted.

    While it is off, a creation with `active: false` is answered 400.
    """
    same_id_on_return: bool = False
    """A person who was deleted by deactivation comes back under the id from before."""
    announce_memberships_on_return: bool = False
    """A return is followed by `dsync.group.user_added` for each group the directory still holds."""
    without_email: WithoutEmail = WithoutEmail.HOLD_BACK
    unique_email: bool = True
    """Answer 409 to a second active person with the same e-mail address."""
    events_held_back_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0
    history_days: Annotated[int, Field(ge=1, le=90)] = 30
    directory_users_per_second: Annotated[int, Field(ge=0, le=100_000)] = 4
    """Requests a second on /directory_users, per directory; 0 is no limit."""
    webhooks: bool = True
    deliveries_at_once: Annotated[int, Field(ge=1, le=256)] = 16
    first_retry_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 0.5
    longest_retry_seconds: Annotated[float, Field(ge=0.05, le=86_400)] = 3600.0
    give_up_after_hours: Annotated[float, Field(gt=0, le=72)] = 72.0
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    roles: Roles = ("admin", "author", "member")
    """The environment's roles by slug, highest first; the last is everybody's by default."""
    multiple_roles: bool = False
    """Somebody has the roles of all their groups; off, only the highest."""
    code_lives_seconds: Annotated[int, Field(ge=1, le=3600)] = 600
    sign_in_by_login_hint: bool = False
    """Skip the page that picks who signs in when login_hint names exactly one active person."""

    @classmethod
    def for_tests(cls) -> Self:
        """Without the waits: no rate limit, nothing held back."""
        return cls(events_held_back_seconds=0, directory_users_per_second=0)


Count = Annotated[int, Field(ge=-1, le=1_000_000)]


class Faults(BaseModel):
    """What goes wrong on the way. A Count is for how many next webhooks; -1 is all of them."""

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    send_twice: Count = 0
    delay: Count = 0
    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    shuffle: Count = 0
    """Let the next webhooks overtake one another within shuffle_seconds."""
    shuffle_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0
    drop: Count = 0
    """Never send; the Events API still has them."""
    corrupt_signature: Count = 0
    webhooks_down_until: int = 0
    """Milliseconds since the epoch until which each attempt fails as if the network were gone."""
    api_down_until: int = 0
    """Until then the WorkOS API answers 503."""
    scim_down_until: int = 0
    """Until then the SCIM server answers 503, which Okta reports as a failed push."""

    def take(self, name: str) -> bool:
        """Whether the counted fault strikes this webhook; a finite count goes down by one."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0
