"""What the planner knows of events, which the index before this made it forget."""

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"

# As in the first migration. Making an index counts a table's rows: of what was taught about this
# one, their number is lost.
_TYPICAL_EVENTS = """
INSERT INTO organizations (workos_id) VALUES ('org_1');

INSERT INTO directory_events (
    organization_id, id, type, source, directory_id, directory_user_id, group_id, occurred_at,
    received_at, body, outcome
)
SELECT 'org_1', 'event_' || n,
    (ARRAY['dsync.user.created', 'dsync.group.user_added', 'dsync.user.updated'])[1 + n % 3],
    CASE WHEN n % 100 = 1 THEN 'catch_up' ELSE 'webhook' END, 'directory_1',
    'directory_user_' || n, 'directory_group_' || n % 500, now(), now() - n * interval '1 second',
    repeat('x', 500)::bytea, CASE WHEN n % 100 = 0 THEN 'superseded' ELSE 'applied' END
FROM generate_series(1, 2000) AS n;

ANALYZE directory_events;

DELETE FROM directory_events WHERE organization_id = 'org_1';

DELETE FROM organizations WHERE workos_id = 'org_1'
"""


def _teach_the_planner() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT EXISTS (SELECT FROM directory_events)")):
        connection.exec_driver_sql("ANALYZE directory_events")
        return
    for statement in _TYPICAL_EVENTS.split(";\n"):
        connection.exec_driver_sql(statement)


def upgrade() -> None:
    _teach_the_planner()


def downgrade() -> None:
    pass  # what the planner knows is no harm
