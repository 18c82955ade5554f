"""Which directories there are for us: all, or the one that WORKOS_DIRECTORY_ID names."""

from dataclasses import dataclass
from typing import Self

from backend.settings import Settings


@dataclass(frozen=True)
class DirectoryScope:
    """Of directories outside it nothing is read, noted or inferred."""

    only: str | None = None  # a directory's id; None: all are in it

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.workos_directory_id or None)

    def includes(self, directory_id: str) -> bool:
        return self.only in {None, directory_id}
