-- A membership must be newer than the removal of its person, of its group and of the directory, and
-- no older than the last snapshot of the person: one that lacked it has ended it.
CREATE OR REPLACE VIEW live_memberships AS
SELECT
    m.organization_id, m.directory_user_id, m.group_id, u.user_key, g.name AS group_name,
    u.state, u.directory_id
FROM directory_memberships AS m
INNER JOIN live_directory_users AS u
    ON m.organization_id = u.organization_id AND m.directory_user_id = u.id
INNER JOIN directory_groups AS g
    ON m.organization_id = g.organization_id
        AND m.group_id = g.id
        AND u.directory_id = g.directory_id
WHERE m.present
    AND is_live(
        g.occurred_at, g.event_id, g.removed_at, u.directory_removed_at, u.complete_as_of,
        u.complete_id
    )
    AND is_live(
        m.occurred_at, m.event_id, greatest(u.removed_at, g.removed_at), u.directory_removed_at,
        u.complete_as_of, u.complete_id
    )
    AND (
        u.snapshot_as_of IS NULL
        OR (m.occurred_at, m.event_id) >= (u.snapshot_as_of, u.snapshot_id)
    );
