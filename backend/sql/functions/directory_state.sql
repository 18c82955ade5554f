-- Of `mirror_states`, where a directory is the subject; no more than 1,000 people are counted.
CREATE OR REPLACE FUNCTION directory_state(organization text, directory text)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('directory', (
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
END
$$;
