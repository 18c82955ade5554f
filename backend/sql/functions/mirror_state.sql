-- The state of what an event is about, which the audit trail keeps as before and after; of the type
-- MirrorState in schemas/audit.py. It is asked for twice an event: `with_access` derives the access
-- of the person, which costs the most; of a group or a directory no more than 1,000 are counted.
-- Somebody who is not in the mirror yet may be a user all the same: under this key, where they are
-- back or in a second directory.
CREATE OR REPLACE FUNCTION mirror_state(
    organization text, directory_user text, key text, grp text, directory text, with_access boolean
)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    state jsonb;
BEGIN
    IF directory_user IS NOT NULL THEN
        state := jsonb_build_object('directory_user', (
            SELECT jsonb_build_object('name', d.name, 'email', d.email, 'state', d.state)
            FROM directory_users AS d
            WHERE d.organization_id = organization AND d.id = directory_user
        ));
        IF grp IS NOT NULL THEN
            state := state || jsonb_build_object('member', EXISTS (
                SELECT FROM directory_memberships AS m
                WHERE m.organization_id = organization
                    AND m.directory_user_id = directory_user
                    AND m.group_id = grp
                    AND m.present
            ));
        END IF;
        IF with_access THEN
            state := jsonb_set(state, '{directory_user,live}', to_jsonb(EXISTS (
                SELECT FROM live_directory_users AS l
                WHERE l.organization_id = organization AND l.id = directory_user
            ))) || jsonb_build_object('access', (
                SELECT jsonb_build_object('active', a.active, 'roles', a.roles)
                FROM users AS u
                JOIN access AS a ON a.organization_id = u.organization_id AND a.user_id = u.id
                WHERE u.organization_id = organization AND u.key = coalesce((
                    SELECT d.user_key FROM directory_users AS d
                    WHERE d.organization_id = organization AND d.id = directory_user
                ), mirror_state.key)
            ));
        END IF;
    ELSIF grp IS NOT NULL THEN
        state := jsonb_build_object('group', (
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
    ELSE
        state := jsonb_build_object('directory', (
            SELECT jsonb_build_object(
                'name', d.name,
                'live', EXISTS (
                    SELECT FROM live_directories AS l
                    WHERE l.organization_id = organization AND l.id = directory
                ),
                'people', (SELECT count(*) FROM (
                    SELECT FROM directory_users AS u
                    WHERE u.organization_id = organization AND u.directory_id = directory
                    LIMIT 1000
                ) AS counted)
            )
            FROM directories AS d
            WHERE d.organization_id = organization AND d.id = directory
        ));
    END IF;
    RETURN jsonb_strip_nulls(state);
END
$$;
