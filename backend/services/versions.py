"""Versions: a change by somebody who has not seen the newest state is refused."""

from pydantic import BaseModel

from backend.errors import StaleVersion

Versions = frozenset[int]


def refuse_stale(current: BaseModel, version: int, *known: Versions | int | None) -> None:
    """Raises StaleVersion unless each that a change names is, or has, the version that is current.

    Args:
        current: what is there now, to be told.
        version: its version. Nothing may change it before the change.
        known: those that whoever sends the change has seen; None where they do not say.
    """
    for one in known:
        if one is not None and version not in (one if isinstance(one, frozenset) else {one}):
            raise StaleVersion(current.model_dump(mode="json"))
