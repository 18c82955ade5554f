"""Databases of any size, filled at once by SQL, with the company of `company.py` among others."""

from dataclasses import dataclass

import asyncpg

from bench.company import DIRECTORY, ORGANIZATION, ROLE_GROUPS, departments
from bench.database import Server

OURS_AMONG_OTHERS = 1000
"""The people of the company where there are other organizations, so that it is always the same."""
OWN_POSTS = 50
_PER_USER, _HISTORY_AT_MOST = 10, 1_000_000
_WITH_BODY = 10_000  # the rest is as purged


@dataclass(frozen=True)
class Size:
    users: int
    organizations: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Of `100000/1`: users, organizations."""
        users, _, organizations = text.partition("/")
        return cls(int(users), int(organizations))

    def __str__(self) -> str:
        return f"{self.users:,} in {self.organizations:,}"

    @property
    def ours(self) -> int:
        """The people of the company that is measured."""
        return self.users if self.organizations == 1 else min(self.users, OURS_AMONG_OTHERS)

    @property
    def history(self) -> int:
        """Events in the inbox, and entries in the audit trail."""
        return min(self.users * _PER_USER, _HISTORY_AT_MOST)


def _statements(size: Size) -> list[str]:
    of_ours = departments(size.ours)
    roles = ", ".join(f"'{name}'" for name in ROLE_GROUPS)
    of_others = max(size.organizations - 1, 1)
    return f"""
SET session_replication_role = replica;
CREATE TEMPORARY TABLE companies AS
SELECT o AS number,
    CASE o WHEN 0 THEN '{ORGANIZATION}' ELSE 'org_02' || lpad(o::text, 24, '0') END AS id,
    CASE o WHEN 0 THEN '{DIRECTORY}' ELSE 'directory_02' || lpad(o::text, 24, '0') END AS directory,
    CASE o WHEN 0 THEN {of_ours} ELSE 1 END AS departments
FROM generate_series(0, {size.organizations - 1}) AS o;
CREATE TEMPORARY TABLE people AS
SELECT p AS number, uuidv7() AS id, c.id AS organization, c.directory,
    '00u' || lpad(p::text, 17, '0') AS key,
    'directory_user_01' || lpad(p::text, 24, '0') AS mirrored,
    'directory_group_01' || lpad(g.department::text, 24, '0') AS department,
    CASE WHEN p % 2 = 0 OR c.number > 0 THEN 'directory_group_01' || lpad(g.authors::text, 24, '0')
    END AS authors
FROM generate_series(0, {size.users - 1}) AS p
INNER JOIN companies AS c
    ON c.number = CASE WHEN p < {size.ours} THEN 0 ELSE 1 + p % {of_others} END
CROSS JOIN LATERAL (
    SELECT
        -- Three groups for each of the others, numbered after ours.
        CASE c.number WHEN 0 THEN 0 ELSE {of_ours + 2} + 3 * (c.number - 1) END AS authors,
        CASE c.number WHEN 0 THEN 2 + p % {of_ours}
        ELSE {of_ours + 4} + 3 * (c.number - 1) END AS department
) AS g
ORDER BY p;
INSERT INTO organizations (workos_id, name, directory_managed, occurred_at, event_id)
SELECT id, 'Bench', true, '2026-01-01', 'event_00' FROM companies;
INSERT INTO directories (organization_id, id, name, type, rank, occurred_at, event_id)
SELECT id, directory, 'Okta', 'okta scim v2.0', 1, '2026-01-01', 'event_00' FROM companies;
INSERT INTO directory_groups (organization_id, id, directory_id, name, rank, occurred_at, event_id)
SELECT c.id,
    'directory_group_01' || lpad((n +
        CASE c.number WHEN 0 THEN 0 ELSE {of_ours + 2} + 3 * (c.number - 1) END
    )::text, 24, '0'),
    c.directory, CASE WHEN n < 2 THEN (ARRAY[{roles}])[n + 1] ELSE 'Department ' || n - 2 END,
    1, '2026-01-01', 'event_00'
FROM companies AS c CROSS JOIN LATERAL generate_series(0, c.departments + 1) AS n;
INSERT INTO role_mappings (organization_id, group_id, role, source)
SELECT organization_id, id, CASE name WHEN 'Authors' THEN 'author' ELSE 'admin' END, 'default'
FROM directory_groups WHERE name IN ({roles});
INSERT INTO users (
    organization_id, id, key, name, email, job_title, department,
    profile_rank, profile_at, profile_event_id, joined_at
)
SELECT organization, id, key, 'Person 0 Number ' || number,
    'person' || number || '@bench.example', 'Software Engineer', 'Engineering', 1, '2026-01-01',
    'event_00', CASE WHEN number % 10 > 0 OR number = 0 THEN now() END
FROM people;
INSERT INTO directory_users (
    organization_id, id, directory_id, idp_id, email, name, state, custom_attributes,
    rank, occurred_at, event_id
)
SELECT organization, mirrored, directory, key, 'person' || number || '@bench.example',
    'Person 0 Number ' || number, CASE number % 50 WHEN 49 THEN 'inactive' ELSE 'active' END,
    '{{"department": "Engineering", "job_title": "Software Engineer"}}', 1, '2026-01-01', 'event_00'
FROM people;
INSERT INTO directory_memberships (
    organization_id, directory_user_id, group_id, present, occurred_at, event_id
)
SELECT organization, mirrored, g.id, true, timestamptz '2026-01-01', 'event_00'
FROM people CROSS JOIN LATERAL unnest(ARRAY[department, authors]) AS g (id)
WHERE g.id IS NOT NULL
UNION ALL
SELECT '{ORGANIZATION}', mirrored, 'directory_group_01' || lpad('1', 24, '0'), true, '2026-01-01',
    'event_00'
FROM people WHERE number = 0;
INSERT INTO sessions (organization_id, id, token_hash, user_id, expires_at)
SELECT organization, uuidv7(), sha256(key::bytea), id, now() + interval '14 days' FROM people;
INSERT INTO posts (organization_id, id, author_id, title, content, created_at)
SELECT organization, uuidv7(),
    -- As many are person 0's own as there are requests to edit one.
    CASE WHEN number < {OWN_POSTS} THEN (SELECT id FROM people WHERE number = 0) ELSE id END,
    'A post of the notebook, number ' || number,
    repeat('What was said and what was decided. ', 8),
    now() - ({size.users} - number) * interval '30 seconds'
FROM people;
INSERT INTO invitations (organization_id, id, token_hash, user_id, invited_by, expires_at)
SELECT organization, uuidv7(), sha256(key::bytea), id, id, now() + interval '7 days'
FROM people WHERE number % 20 = 10;
INSERT INTO directory_events (
    organization_id, id, type, source, directory_id, directory_user_id, group_id, occurred_at,
    received_at, body, outcome
)
SELECT organization, 'event_00' || lpad(h::text, 24, '0'),
    CASE h % 2 WHEN 0 THEN 'dsync.user.updated' ELSE 'dsync.group.user_added' END, 'webhook',
    directory, mirrored, CASE h % 2 WHEN 1 THEN department END, '2026-01-01',
    now() - ({size.history} - h) * interval '1 second',
    CASE WHEN h > {size.history - _WITH_BODY} THEN repeat('x', 900)::bytea END,
    CASE h % 500 WHEN 499 THEN 'superseded' ELSE 'applied' END
FROM generate_series(1, {size.history}) AS h
INNER JOIN people ON number = h % {size.users};
INSERT INTO audit_events (organization_id, id, at, action, event_id, subject_id, detail)
SELECT organization_id, uuidv7(), received_at, type, id, directory_user_id,
    jsonb_build_object(
        'outcome', outcome, 'source', source, 'attempt', 1, 'before', s.state, 'after', s.state
    )
FROM directory_events
CROSS JOIN (
    SELECT jsonb '{{"directory_user": {{"name": "A", "email": null, "state": "active"}}}}' AS state
) AS s;
""".split(";\n")[:-1]


async def fill(server: Server, name: str, size: Size) -> None:
    """Fill a migrated database; not analysed, for nothing may wait for that."""
    connection = await asyncpg.connect(server.url_of(name))
    try:
        for statement in _statements(size):
            await connection.execute(statement)
    finally:
        await connection.close()
