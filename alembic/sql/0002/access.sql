CREATE OR REPLACE VIEW access AS
SELECT
    a.id AS user_id,
    a.organization_id,
    standing.active,
    CASE WHEN standing.active THEN ARRAY['member'] || held.roles ELSE '{}' END AS roles
FROM users a
JOIN organizations o ON o.workos_id = a.organization_id
CROSS JOIN LATERAL (
    SELECT NOT o.deleted AND CASE
        WHEN o.directory_managed THEN EXISTS (
            SELECT FROM counting_users c
            WHERE c.organization_id = a.organization_id
              AND c.account_key = a.key
              AND c.state = 'active'
        )
        ELSE a.joined_at IS NOT NULL AND a.blocked_at IS NULL
    END AS active
) standing
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT source.role ORDER BY source.role), '{}') AS roles
    FROM (
        SELECT r.role
        FROM counting_memberships m
        JOIN role_mappings r
          ON r.group_id = m.group_id
         AND r.organization_id = m.organization_id
         AND NOT r.removed
         AND (r.source <> 'default' OR o.default_mappings)
        WHERE m.organization_id = a.organization_id
          AND m.account_key = a.key
          AND m.state = 'active'
        UNION ALL
        SELECT g.role
        FROM role_grants g
        WHERE g.user_id = a.id AND g.organization_id = a.organization_id
    ) source
) held
