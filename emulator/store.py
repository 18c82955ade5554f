"""A SQLite file that survives a crash at any moment, or the same in memory."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

Row = sqlite3.Row
OWNER_ONLY = 0o600
Value = str | int | float | bytes | None
Column = tuple[str, str, str]
"""Of which table, its name, its type and default."""


class Store:
    """One connection, nested transactions, and callbacks once a transaction is durable."""

    def __init__(self, path: Path | None, schema: str, added: Iterable[Column] = ()) -> None:
        """Open or make the file; `path=None` keeps everything in memory.

        `added` are columns that came after the tables: a file of an earlier emulator gets them.
        """
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Keys and tokens are in it. SQLite gives its other files the mode of this one.
            path.touch(mode=OWNER_ONLY)
            path.chmod(OWNER_ONLY)
        self._connection = sqlite3.connect(
            str(path) if path is not None else ":memory:",
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        self._depth = 0
        self._committed: list[Callable[[], None]] = []
        self._connection.executescript(
            f"pragma journal_mode = wal; pragma synchronous = normal;\n{schema}"
        )
        for table, column, kind in added:
            known = self._connection.execute(f"pragma table_info({table})")
            if column not in {row["name"] for row in known}:
                self._connection.execute(f"alter table {table} add column {column} {kind}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner one joins the outer."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._committed.clear()
                    self._connection.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("commit")
                callbacks, self._committed = self._committed, []
                for callback in dict.fromkeys(callbacks):
                    callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the surrounding transaction is durable; at once if there is none."""
        if self._depth:
            self._committed.append(callback)
        else:
            callback()

    def run(self, sql: str, *values: Value) -> int:
        """Execute one statement; the number of rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, values: Iterable[tuple[Value, ...]]) -> None:
        with self.transaction():
            self._connection.executemany(sql, values)

    def rows(self, sql: str, *values: Value) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Value) -> Row | None:
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def one(self, sql: str, *values: Value) -> Row:
        """The row that must be there. Raises LookupError."""
        found = self.row(sql, *values)
        if found is None:
            raise LookupError(sql)
        return found

    def number(self, sql: str, *values: Value) -> int:
        """The integer in the first column of the first row; 0 if there is none."""
        found = self.row(sql, *values)
        return 0 if found is None or found[0] is None else int(found[0])

    def text(self, sql: str, *values: Value) -> str | None:
        """The text in the first column of the first row."""
        found = self.row(sql, *values)
        return None if found is None or found[0] is None else str(found[0])

    def exists(self, sql: str, *values: Value) -> bool:
        return self.row(sql, *values) is not None

    def close(self) -> None:
        with self._lock:
            self._connection.close()
