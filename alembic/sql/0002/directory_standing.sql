-- How something stands now: what the explanation of an event shows as its before and after. It
-- runs twice a webhook: `with_access` derives the access of the person, which costs the most, and
-- of a group or a directory no more than 1,000 are counted. Somebody who is not in the mirror yet may
-- have an account all the same: that of this key, where they are back or in a second directory.
CREATE FUNCTION directory_standing(
    person text, grp text, directory text, with_access boolean, organization text, account_key text
)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    stands jsonb := '{}';
BEGIN
    IF person IS NOT NULL THEN
        IF with_access THEN
            SELECT jsonb_build_object(
                'person', jsonb_build_object(
                    'name', u.name, 'email', u.email, 'state', u.state,
                    'counts', EXISTS (SELECT FROM counting_users c WHERE c.id = u.id)
                ),
                'access', jsonb_build_object('active', x.active, 'roles', x.roles)
            )
            INTO stands
            FROM directory_users u
            JOIN users a ON a.organization_id = u.organization_id AND a.key = u.account_key
            JOIN access x ON x.user_id = a.id
            WHERE u.id = person;
            IF NOT FOUND THEN
                SELECT jsonb_build_object(
                    'access', jsonb_build_object('active', x.active, 'roles', x.roles)
                )
                INTO stands
                FROM users a
                JOIN access x ON x.user_id = a.id
                WHERE a.organization_id = organization AND a.key = directory_standing.account_key;
            END IF;
        ELSE
            SELECT jsonb_build_object('person', jsonb_build_object(
                'name', u.name, 'email', u.email, 'state', u.state
            ))
            INTO stands
            FROM directory_users u
            WHERE u.id = person;
        END IF;
        IF grp IS NOT NULL THEN
            stands := coalesce(stands, '{}') || jsonb_build_object('member', EXISTS (
                SELECT FROM directory_memberships e
                WHERE e.user_id = person AND e.group_id = grp AND e.present
            ));
        END IF;
    ELSIF grp IS NOT NULL THEN
        SELECT jsonb_build_object('group', jsonb_build_object(
            'name', g.name,
            'members', CASE WHEN coalesce(g.removed_at >= g.occurred_at, g.occurred_at IS NULL)
            THEN 0 ELSE (
                SELECT count(*)
                FROM (
                    SELECT
                    FROM directory_memberships e
                    WHERE e.group_id = g.id
                      AND e.present
                      AND (g.removed_at IS NULL OR e.occurred_at > g.removed_at)
                    LIMIT 1000
                ) counted
            ) END,
            'roles', (
                SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]')
                FROM role_mappings r
                WHERE r.group_id = g.id AND NOT r.removed
            )
        ))
        INTO stands
        FROM directory_groups g
        WHERE g.id = grp;
    ELSIF directory IS NOT NULL THEN
        SELECT jsonb_build_object('directory', jsonb_build_object(
            'name', d.name,
            'live', coalesce(
                d.occurred_at > d.removed_at OR d.removed_at <= d.complete_as_of,
                d.removed_at IS NULL
            ),
            'people', (
                SELECT count(*)
                FROM (
                    SELECT FROM directory_users u WHERE u.directory_id = d.id LIMIT 1000
                ) counted
            )
        ))
        INTO stands
        FROM directories d
        WHERE d.id = directory;
    END IF;
    RETURN jsonb_strip_nulls(coalesce(stands, '{}'));
END
$$
