"""Which directories there are for us: all, or the one that WORKOS_DIRECTORY_ID names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DirectoryScope:
    """Of directories outside it nothing is read, noted or inferred."""

    only: str | None = None  # a directory's id; None: all are in it

    def includes(self, directory_id: str) -> bool:
        return self.only in {None, directory_id}
