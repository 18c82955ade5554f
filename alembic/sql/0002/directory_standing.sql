-- How something stands now: what the explanation of an event shows as its before and after.
CREATE FUNCTION directory_standing(person text, grp text, directory text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_strip_nulls(jsonb_build_object(
    'person', (
        SELECT jsonb_build_object(
            'name', u.name, 'email', u.email, 'state', u.state,
            'counts', EXISTS (SELECT FROM counting_users c WHERE c.id = u.id)
        )
        FROM directory_users u
        WHERE u.id = person
    ),
    'access', (
        SELECT jsonb_build_object('active', x.active, 'roles', to_jsonb(x.roles))
        FROM directory_users u
        JOIN users a ON a.organization_id = u.organization_id AND a.key = u.account_key
        JOIN access x ON x.user_id = a.id
        WHERE u.id = person
    ),
    'member', CASE WHEN person IS NOT NULL AND grp IS NOT NULL THEN EXISTS (
        SELECT FROM counting_memberships m WHERE m.user_id = person AND m.group_id = grp
    ) END,
    'group', CASE WHEN person IS NULL THEN (
        SELECT jsonb_build_object(
            'name', g.name,
            'members', (SELECT count(*) FROM counting_memberships m WHERE m.group_id = g.id),
            'roles', (
                SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]')
                FROM role_mappings r
                WHERE r.group_id = g.id AND NOT r.removed
            )
        )
        FROM directory_groups g
        WHERE g.id = grp
    ) END,
    'directory', CASE WHEN person IS NULL AND grp IS NULL THEN (
        SELECT jsonb_build_object(
            'name', d.name,
            'people', (SELECT count(*) FROM counting_users c WHERE c.directory_id = d.id)
        )
        FROM directories d
        WHERE d.id = directory
    ) END
))
$$
