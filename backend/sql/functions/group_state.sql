-- Of `mirror_states`, where a group is the subject; no more than 1,000 members are counted.
CREATE OR REPLACE FUNCTION group_state(organization text, grp text)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('group', (
        SELECT jsonb_build_object(
            'name', g.name,
            'live', l.id IS NOT NULL,
            'members', (SELECT count(*) FROM (
                SELECT FROM directory_memberships AS m
                WHERE m.organization_id = organization AND m.group_id = l.id AND m.present
                    AND (g.removed_at IS NULL OR m.occurred_at > g.removed_at)
                LIMIT 1000
            ) AS counted),
            'roles', (
                SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]')
                FROM role_mappings AS r
                WHERE r.organization_id = organization AND r.group_id = grp AND NOT r.removed
            )
        )
        FROM directory_groups AS g
        LEFT JOIN live_groups AS l ON l.organization_id = g.organization_id AND l.id = g.id
        WHERE g.organization_id = organization AND g.id = grp
    ));
END
$$;
