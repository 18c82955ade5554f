-- Whether a user may enter, and with which roles. Who of the directory they are is looked up
-- once for both, as an aggregate, which the planner does not flatten; roles are derived of those
-- only who are shown with them.
CREATE OR REPLACE VIEW access AS
SELECT
    u.organization_id, u.id AS user_id, admitted.active,
    CASE WHEN admitted.active THEN ARRAY['member'] || (
        SELECT coalesce(array_agg(source.role ORDER BY source.role), '{}')
        FROM (
            SELECT r.role
            FROM unnest(held.people) AS d
            INNER JOIN directory_memberships AS m
                ON d.organization_id = m.organization_id AND d.id = m.directory_user_id
            INNER JOIN directory_groups AS g
                ON m.organization_id = g.organization_id
                    AND m.group_id = g.id
                    AND d.directory_id = g.directory_id
            INNER JOIN role_mappings AS r
                ON m.organization_id = r.organization_id
                    AND m.group_id = r.group_id
                    AND NOT r.removed
                    AND (r.source <> 'default' OR o.default_mappings)
            WHERE m.organization_id = u.organization_id
                AND o.role_source <> 'workos'
                AND is_live_membership(m, g, d) -- noqa: RF02
            UNION DISTINCT
            SELECT w.role
            FROM unnest(CASE WHEN o.directory_managed THEN (
                SELECT array_agg(a.slug)
                FROM unnest(held.people) AS d
                CROSS JOIN unnest(d.role_slugs) AS a (slug)
            ) ELSE u.role_slugs END) AS s (slug)
            INNER JOIN workos_role_mappings AS w
                ON s.slug = w.slug
                    AND w.organization_id = u.organization_id
                    AND NOT w.removed
            WHERE o.role_source <> 'groups'
            UNION DISTINCT
            SELECT g.role
            FROM role_grants AS g
            WHERE g.organization_id = u.organization_id
                AND g.user_id = u.id
                AND (g.until > now()) IS NOT FALSE
        ) AS source
    ) ELSE '{}' END AS roles
FROM users AS u
INNER JOIN organizations AS o ON u.organization_id = o.workos_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(d), '{}') AS people
    FROM live_directory_users AS d
    WHERE d.organization_id = u.organization_id
        AND d.user_key = u.key
        AND d.state = 'active'
) AS held
CROSS JOIN LATERAL (
    SELECT NOT o.deleted AND u.blocked_at IS NULL AND (CASE
        WHEN o.directory_managed THEN held.people <> '{}'
        ELSE u.joined_at IS NOT NULL
    END OR (
        SELECT (a.until > now()) IS NOT FALSE
        FROM admissions AS a
        WHERE a.organization_id = u.organization_id AND a.user_id = u.id
    )) IS TRUE AS active
) AS admitted;
