"""Where limits are counted, by all processes alike: a storage for the library `limits`."""

import time
from datetime import timedelta

from limits.aio.storage import Storage
from sqlalchemy import Interval, bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from backend.database import CONNECTION_FAULTS, DRIVER_FAULTS, Database, Query
from backend.models import RateCount

FAULTS = tuple({*CONNECTION_FAULTS, *DRIVER_FAULTS})
"""What is raised while it is away."""

_SECONDS = func.date_part("epoch", RateCount.expires_at - func.clock_timestamp()).label("seconds")
_FIRST = insert(RateCount).values(
    key=bindparam("key"),
    count=bindparam("amount"),
    expires_at=func.now() + bindparam("period", type_=Interval),
)
_IS_OVER = RateCount.expires_at <= func.now()

_COUNT = Query(
    _FIRST.on_conflict_do_update(
        index_elements=[RateCount.key],
        set_={
            "count": case((_IS_OVER, 0), else_=RateCount.count) + _FIRST.excluded.count,
            "expires_at": case((_IS_OVER, _FIRST.excluded.expires_at), else_=RateCount.expires_at),
        },
    ).returning(RateCount.count, _SECONDS)
)
_LOOK = Query(
    select(RateCount.count, _SECONDS).where(
        RateCount.key == bindparam("key"), RateCount.expires_at > func.now()
    )
)
_CLEAR = Query(delete(RateCount).where(RateCount.key == bindparam("key")))
_RESET = Query(delete(RateCount).returning(RateCount.key))


class RateCounts(Storage):
    """For one request: what it has counted or read of a key, it does not ask for again."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._known: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return FAULTS

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        period = timedelta(seconds=expiry)
        rows = await self._database.counts.fetch(_COUNT, key=key, amount=amount, period=period)
        return self._learn(key, rows[0]["count"], rows[0]["seconds"])

    async def get(self, key: str) -> int:
        return (await self._look(key))[0]

    async def get_expiry(self, key: str) -> float:
        return (await self._look(key))[1]

    async def check(self) -> bool:
        try:
            await self._database.counts.fetch(_LOOK, key="")
        except FAULTS:
            return False
        return True

    async def reset(self) -> int:
        self._known.clear()
        return len(await self._database.counts.fetch(_RESET))

    async def clear(self, key: str) -> None:
        self._known.pop(key, None)
        await self._database.counts.fetch(_CLEAR, key=key)

    def _learn(self, key: str, count: int, seconds: float) -> int:
        self._known[key] = (count, time.time() + seconds)
        return count

    async def _look(self, key: str) -> tuple[int, float]:
        if key not in self._known:
            rows = await self._database.counts.fetch(_LOOK, key=key)
            count, seconds = (rows[0]["count"], rows[0]["seconds"]) if rows else (0, 0)
            self._learn(key, count, seconds)
        return self._known[key]
