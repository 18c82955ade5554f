-- Access is derived, never stored (invariant 1): the live_… views and access are its one
-- definition. A directory that was never described counts as live.
-- This view carries what live_memberships asks of the person and the directory: were they joined
-- again there, access would join more tables than the planner reorders (collapse limits, 8), and
-- it read every person to find one.
CREATE OR REPLACE VIEW live_directory_users AS
SELECT
    u.organization_id, u.id, u.directory_id, u.user_key, u.name, u.email, u.state, u.rank,
    u.occurred_at, u.event_id, u.removed_at, u.snapshot_as_of, u.snapshot_id,
    d.removed_at AS directory_removed_at, d.complete_as_of, d.complete_id,
    u.role_slugs
FROM directory_users AS u
LEFT JOIN directories AS d
    ON u.organization_id = d.organization_id AND u.directory_id = d.id
WHERE is_live(
        u.occurred_at, u.event_id, u.removed_at, d.removed_at, d.complete_as_of, d.complete_id
    )
    -- Of namesakes (one person rehired under a new id) only the newest is live. By the key, which
    -- has an index: namesakes have the same.
    AND NOT EXISTS (
        SELECT FROM directory_users AS n
        WHERE n.organization_id = u.organization_id
            AND n.user_key = u.user_key
            AND n.idp_id = u.idp_id
            AND u.idp_id <> ''
            AND n.directory_id = u.directory_id
            AND (n.occurred_at, n.event_id, n.id) > (u.occurred_at, u.event_id, u.id)
    );
