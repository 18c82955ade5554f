"""What the fastest way to write rows takes: a plain COPY of the same ones."""

import statistics
import time
from pathlib import Path

import asyncpg

COPIES = 3


async def seconds_of_copy(url: str, tables: tuple[str, ...], home: Path) -> float:
    """Seconds for all rows of these tables, into tables of the same columns, keys and indexes."""
    connection = await asyncpg.connect(url)
    try:
        return statistics.median([await _copy(connection, tables, home) for _ in range(COPIES)])
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, tables: tuple[str, ...], home: Path) -> float:
    seconds = 0.0
    for table in tables:
        columns = [
            row["attname"]
            for row in await connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0"
                " AND NOT attisdropped AND attgenerated = ''",
                table,
            )
        ]
        rows = home / "rows"
        await connection.copy_from_table(table, output=rows, columns=columns)
        await connection.execute(f"CREATE TABLE copied (LIKE {table} INCLUDING ALL)")
        begun = time.perf_counter()
        await connection.copy_to_table("copied", source=rows, columns=columns)
        seconds += time.perf_counter() - begun
        await connection.execute("DROP TABLE copied")
    return seconds
