-- Whether a user may enter, and with which roles.
CREATE OR REPLACE VIEW access AS
SELECT
    u.organization_id, u.id AS user_id, admitted.active,
    CASE WHEN admitted.active THEN ARRAY['member'] || held.roles ELSE '{}' END AS roles
FROM users AS u
INNER JOIN organizations AS o ON u.organization_id = o.workos_id
CROSS JOIN LATERAL (
    SELECT NOT o.deleted AND CASE
        -- Not by EXISTS, which the planner may answer from a hash of everybody's people.
        WHEN o.directory_managed THEN (
            SELECT count(*) > 0 FROM live_directory_users AS d
            WHERE d.organization_id = u.organization_id
                AND d.user_key = u.key
                AND d.state = 'active'
        )
        ELSE u.joined_at IS NOT NULL AND u.blocked_at IS NULL
    END AS active
) AS admitted
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT source.role ORDER BY source.role), '{}') AS roles
    FROM (
        SELECT r.role
        FROM live_memberships AS m
        INNER JOIN role_mappings AS r
            ON m.organization_id = r.organization_id
                AND m.group_id = r.group_id
                AND NOT r.removed
                AND (r.source <> 'default' OR o.default_mappings)
        WHERE m.organization_id = u.organization_id
            AND m.user_key = u.key
            AND m.state = 'active'
        UNION ALL
        SELECT g.role
        FROM role_grants AS g
        WHERE g.organization_id = u.organization_id AND g.user_id = u.id
    ) AS source
) AS held;
