-- Whether a user may enter, and with which roles. What the directory says of them is read once, for
-- both: so the planner may not flatten it (OFFSET 0).
CREATE OR REPLACE VIEW access AS
SELECT
    u.organization_id, u.id AS user_id, admitted.active,
    CASE WHEN admitted.active THEN ARRAY['member'] || held.roles ELSE '{}' END AS roles
FROM users AS u
INNER JOIN organizations AS o ON u.organization_id = o.workos_id
CROSS JOIN LATERAL (
    SELECT
        count(source.directory_user_id) > 0 AS in_directory,
        coalesce(
            array_agg(DISTINCT source.role ORDER BY source.role)
            FILTER (WHERE source.role IS NOT NULL), '{}'
        ) AS roles
    FROM (
        SELECT d.id AS directory_user_id, mapped.role
        FROM live_directory_users AS d
        LEFT JOIN LATERAL (
            SELECT r.role
            FROM directory_memberships AS m
            INNER JOIN directory_groups AS g
                ON m.organization_id = g.organization_id
                    AND m.group_id = g.id
                    AND d.directory_id = g.directory_id
            INNER JOIN role_mappings AS r
                ON m.organization_id = r.organization_id
                    AND m.group_id = r.group_id
                    AND NOT r.removed
                    AND (r.source <> 'default' OR o.default_mappings)
            WHERE m.organization_id = d.organization_id
                AND m.directory_user_id = d.id
                AND is_live_membership(m, g, d) -- noqa: RF02
        ) AS mapped ON TRUE
        WHERE d.organization_id = u.organization_id
            AND d.user_key = u.key
            AND d.state = 'active'
        UNION ALL
        SELECT NULL AS directory_user_id, g.role
        FROM role_grants AS g
        WHERE g.organization_id = u.organization_id AND g.user_id = u.id
    ) AS source
    OFFSET 0 -- noqa: AM09
) AS held
CROSS JOIN LATERAL (
    SELECT NOT o.deleted AND CASE
        WHEN o.directory_managed THEN held.in_directory
        ELSE u.joined_at IS NOT NULL AND u.blocked_at IS NULL
    END AS active
) AS admitted;
