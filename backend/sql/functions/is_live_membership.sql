-- Whether a membership is live: it must be newer than the removal of its person, of its group and
-- of the directory, and no older than the last snapshot of the person: one that lacked it has
-- ended it. Like `is_live`, the planner puts it in the place of the call.
CREATE OR REPLACE FUNCTION is_live_membership(
    m directory_memberships, g directory_groups, u live_directory_users
)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT m.present
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
    )
$$;
