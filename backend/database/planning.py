"""How the planner is to go about it."""

from sqlalchemy import func, select

from backend.database.kinds import Executor

# What a request asks for is a page: looked up by index, one thing after the other, whatever the
# planner believes of tables it has not seen lately. Only what counts a whole company pays for it.
BY_INDEX = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # A company that is kept in memory is compared with every row of the page, or with itself: the
    # planner does that where it takes the company for one of average size.
    "enable_material": "off",
}


async def plan_by_index(executor: Executor) -> None:
    """To the end of this transaction, as for a request: for background work on one company."""
    settings = [func.set_config(name, value, True) for name, value in BY_INDEX.items()]
    await executor.execute(select(*settings))
