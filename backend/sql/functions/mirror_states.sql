-- The states of what events are about, which the audit trail keeps as before and after; each of the
-- type MirrorState in schemas/audit.py. Of the events `changing`, that of a person has the access,
-- too, whose derivation costs the most.
-- Somebody who is not in the mirror yet may be a user all the same: under their key, where they are
-- back or in a second directory.
CREATE OR REPLACE FUNCTION mirror_states(
    events directory_events[], user_keys text[], changing text[]
)
RETURNS jsonb[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    states jsonb[];
BEGIN
    states := ARRAY(
        SELECT jsonb_strip_nulls(CASE
            WHEN e.directory_user_id IS NOT NULL THEN jsonb_build_object(
                'directory_user', (
                    SELECT jsonb_build_object('name', d.name, 'email', d.email, 'state', d.state)
                    FROM directory_users AS d
                    WHERE d.organization_id = e.organization_id AND d.id = e.directory_user_id
                ),
                'member', CASE WHEN e.group_id IS NOT NULL THEN coalesce((
                    SELECT m.present FROM directory_memberships AS m
                    WHERE m.organization_id = e.organization_id
                        AND m.directory_user_id = e.directory_user_id
                        AND m.group_id = e.group_id
                ), FALSE) END
            )
            WHEN e.group_id IS NOT NULL THEN group_state(e.organization_id, e.group_id)
            ELSE directory_state(e.organization_id, e.directory_id)
        END)
        FROM unnest(events) AS e
    );
    IF changing = '{}' THEN
        RETURN states;
    END IF;
    RETURN ARRAY(
        SELECT CASE
            WHEN e.directory_user_id IS NULL OR NOT e.id = ANY (changing) THEN states[e.ordinality]
            ELSE jsonb_strip_nulls(
                jsonb_set(states[e.ordinality], '{directory_user,live}', (
                    SELECT to_jsonb(count(*) > 0) FROM live_directory_users AS l
                    WHERE l.organization_id = e.organization_id AND l.id = e.directory_user_id
                )) || jsonb_build_object('access', (
                    SELECT jsonb_build_object('active', a.active, 'roles', a.roles)
                    FROM users AS u
                    INNER JOIN access AS a
                        ON u.organization_id = a.organization_id AND u.id = a.user_id
                    WHERE u.organization_id = e.organization_id AND u.key = coalesce((
                        SELECT d.user_key FROM directory_users AS d
                        WHERE d.organization_id = e.organization_id AND d.id = e.directory_user_id
                    ), user_keys[e.ordinality])
                ))
            )
        END
        FROM unnest(events) WITH ORDINALITY AS e
    );
END
$$;
