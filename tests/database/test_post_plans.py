"""A page of posts costs a page, whosever they are and whatever words they are to have."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from backend.database import BACKGROUND, Database
from backend.models import Post, User
from backend.pagination import TimeCursor
from backend.schemas.posts import PostPage, PostSummaryPage, PostView
from backend.services.posts import lists
from backend.services.sessions import Claim, open_session
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.owner import as_owner

PEOPLE = 1000
POSTS = 30_000
LIMIT = 5
FEW = 100
LOOKED_THROUGH = 1000  # where words are looked for, first

# All have one word, one in fifty another, one in six thousand a third, and the oldest a fourth. One
# of the authors has written almost all.
MORE = f"""
INSERT INTO posts (organization_id, id, author_id, title, content, created_at)
SELECT 'org_plan', md5('p' || n)::uuid,
    md5(CASE WHEN n % 100 = 0 THEN (1 + n % {PEOPLE})::text ELSE '7' END)::uuid, 'Größe ' || n,
    'everywhere' || CASE WHEN n % 50 = 0 THEN ' often' ELSE '' END
    || CASE WHEN n % 6000 = 0 THEN ' seldom' ELSE '' END
    || CASE WHEN n > {POSTS} - 10 THEN ' oldest' ELSE '' END,
    now() - n * interval '1 minute'
FROM generate_series(1, {POSTS}) AS n
"""

SELDOM, MANY = ("md5('101')::uuid", "md5('7')::uuid")

ASKED: dict[str, tuple[int, str | None, str | None, int]] = {
    "all": (5, None, None, FEW),
    "of somebody who wrote most": (5, MANY, None, FEW),
    "of somebody who wrote few": (5, SELDOM, None, FEW),
    "what all have": (5, None, "everywhere", LOOKED_THROUGH),
    "how all begin": (5, None, "e", LOOKED_THROUGH),
    "what many have": (5, None, "often", LOOKED_THROUGH),
    "what few have": (5, None, "seldom", LOOKED_THROUGH),
    "what the oldest have": (5, None, "OLDEST", LOOKED_THROUGH),
    "what one has": (1, None, "grosse 4321", LOOKED_THROUGH),
    "what nobody has": (0, None, "nowhere", LOOKED_THROUGH),
    "all of it, and by an author": (1, MANY, "everywhere 12345", LOOKED_THROUGH),
    "what all have, of few": (5, SELDOM, "everywhere", LOOKED_THROUGH),
}


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture(params=[False, True], ids=["never analysed", "analysed"])
async def large(
    request: pytest.FixtureRequest, own_database_url: str, plans: Plans
) -> AsyncIterator[Database]:
    del plans  # it notes what is run on connections that are opened after it
    owner = Database(as_owner(own_database_url), pool_size=1, timeouts=BACKGROUND)
    async with owner.transaction() as session:
        await session.execute(text("ALTER TABLE posts SET (autovacuum_enabled = off)"))
        for statement in [*filling(PEOPLE)[:-1], MORE]:
            await session.execute(text(statement))
        if request.param:
            await session.execute(text("ANALYZE"))
    await owner.close()
    own = Database(own_database_url, pool_size=1)
    yield own
    await own.close()


async def claim(database: Database) -> Claim:
    async with database.transaction() as session:
        somebody = await session.scalar(select(User.id).where(User.key == "plan199"))
        assert somebody is not None
        return Claim(database, await open_session(session, "org_plan", somebody))


@pytest.mark.parametrize("view", PostView)
async def test_a_page_of_posts_reads_a_page(large: Database, plans: Plans, view: PostView) -> None:
    reader = await claim(large)
    page_of = PostPage if view is PostView.FULL else PostSummaryPage
    too_many: dict[str, tuple[int, int]] = {}
    async with large.connect() as connection:
        newest = (
            await connection.execute(
                select(Post.created_at, Post.id).order_by(Post.created_at.desc()).limit(1)
            )
        ).one()
        of = {sql: await connection.scalar(text(f"SELECT {sql}")) for sql in (SELDOM, MANY)}
    for asked, (many, author, search, most) in ASKED.items():
        for cursor in (None, TimeCursor(newest.created_at, newest.id)):
            await plans.taken()
            page = await lists.list_page(
                reader,
                view=view,
                author=of[author] if author else None,
                search=search,
                cursor=cursor,
                limit=LIMIT,
            )
            assert len(page_of.model_validate_json(page).items) == many, asked
            run = await plans.taken()
            assert set().union(*(plan.unbound for plan in run)) == set(), asked
            read = max(plan.rows_read for plan in run)
            assert read
            if read > most + LIMIT:
                too_many[asked] = (read, most)
    assert too_many == {}
