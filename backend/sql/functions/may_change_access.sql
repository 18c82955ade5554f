-- Whether the facts of an event about a person could change their access; false spares its
-- derivation. They cannot where a group without a mapping gains or loses somebody well known, nor
-- where somebody live stays live under the same key with the same state.
CREATE OR REPLACE FUNCTION may_change_access(facts jsonb)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF facts ? 'memberships' AND EXISTS (
        SELECT FROM jsonb_populate_recordset(
            NULL::directory_memberships, facts -> 'memberships'
        ) AS r
        WHERE (
            SELECT count(*) FROM role_mappings AS k
            WHERE k.organization_id = r.organization_id AND k.group_id = r.group_id
        ) > 0
    ) OR facts ? 'groups' AND EXISTS (
        SELECT FROM jsonb_to_recordset(facts -> 'groups') AS r (default_role text)
        WHERE r.default_role IS NOT NULL
    ) THEN
        RETURN true;
    END IF;
    RETURN facts ? 'removed_directory_users' OR EXISTS (
        SELECT FROM jsonb_to_recordset(facts -> 'directory_users') AS r (
            organization_id text, id text, directory_id text, user_key text, state text, rank int
        )
        WHERE CASE WHEN r.rank = 1 THEN (
            SELECT (k.directory_id, k.user_key, k.state) = (r.directory_id, r.user_key, r.state)
            FROM live_directory_users AS k
            WHERE k.organization_id = r.organization_id AND k.id = r.id AND k.rank = 1
        ) ELSE (
            SELECT k.rank = 1 FROM directory_users AS k
            WHERE k.organization_id = r.organization_id AND k.id = r.id
        ) END IS NOT TRUE
    );
END
$$;
