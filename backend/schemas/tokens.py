"""API tokens."""

from enum import StrEnum


class Scope(StrEnum):
    """What a token may be used for, of that which its person may do."""

    READ = "read"
    WRITE = "write"
