-- The ids of those events whose facts could change the access of the person they are about; the
-- others are spared its derivation. They cannot where a group without a mapping gains or loses
-- somebody well known, nor where somebody live stays live under the same key with the same
-- state and the same roles at WorkOS.
CREATE OR REPLACE FUNCTION may_change_access(facts jsonb)
RETURNS text[] LANGUAGE sql STABLE AS $$
SELECT coalesce(array_agg(changing.event_id), '{}')
FROM (
    SELECT r.event_id
    FROM jsonb_populate_recordset(NULL::directory_memberships, facts -> 'memberships') AS r
    WHERE (
        SELECT count(*) FROM role_mappings AS k
        WHERE k.organization_id = r.organization_id AND k.group_id = r.group_id
    ) > 0
    UNION ALL
    SELECT r.event_id
    FROM jsonb_to_recordset(facts -> 'groups') AS r (default_role text, event_id text)
    WHERE r.default_role IS NOT NULL
    UNION ALL
    SELECT r.event_id
    FROM jsonb_to_recordset(facts -> 'removed_directory_users') AS r (event_id text)
    UNION ALL
    SELECT r.event_id
    FROM jsonb_to_recordset(facts -> 'directory_users') AS r (
        organization_id text, id text, directory_id text, user_key text, state text,
        role_slugs text[], rank int, event_id text
    )
    WHERE CASE WHEN r.rank = 1 THEN (
        SELECT (k.directory_id, k.user_key, k.state, k.role_slugs)
            = (r.directory_id, r.user_key, r.state, coalesce(r.role_slugs, '{}'))
        FROM live_directory_users AS k
        WHERE k.organization_id = r.organization_id AND k.id = r.id AND k.rank = 1
    ) ELSE (
        SELECT k.rank = 1 FROM directory_users AS k
        WHERE k.organization_id = r.organization_id AND k.id = r.id
    ) END IS NOT TRUE
) AS changing
$$;
