-- One of `mirror_states`, where no event is about to be applied.
CREATE OR REPLACE FUNCTION mirror_state(
    organization text, directory_user text, key text, grp text, directory text, with_access boolean
)
RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT (mirror_states(
    ARRAY[jsonb_populate_record(NULL::directory_events, jsonb_build_object(
        'organization_id', organization, 'id', '', 'directory_user_id', directory_user,
        'group_id', grp, 'directory_id', directory
    ))],
    ARRAY[key],
    CASE WHEN with_access THEN ARRAY[''] ELSE '{}' END
))[1]
$$;
