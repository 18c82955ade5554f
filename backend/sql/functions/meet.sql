-- Whether events that are to be merged at once could show in each other's before and after: two
-- about one user, or one that maps a group to its role, or lets its organization be managed.
CREATE OR REPLACE FUNCTION meet(events directory_events[], user_keys text[], facts jsonb)
RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT
    EXISTS (
        SELECT FROM (
            SELECT DISTINCT e.organization_id, named.key, e.ordinality
            FROM unnest(events) WITH ORDINALITY AS e
            CROSS JOIN LATERAL unnest(ARRAY[user_keys[e.ordinality], (
                SELECT d.user_key FROM directory_users AS d
                WHERE d.organization_id = e.organization_id AND d.id = e.directory_user_id
            )]) AS named (key)
        ) AS user_of
        GROUP BY user_of.organization_id, user_of.key
        HAVING user_of.key IS NOT NULL AND count(*) > 1
    )
    OR EXISTS (
        SELECT FROM jsonb_to_recordset(facts -> 'groups')
            AS r (organization_id text, id text, default_role text)
        WHERE r.default_role IS NOT NULL AND (
            SELECT TRUE FROM role_mappings AS k
            WHERE k.organization_id = r.organization_id
                AND k.group_id = r.id
                AND k.role = r.default_role
        ) IS NULL
    )
    OR EXISTS (
        SELECT FROM jsonb_array_elements_text(facts -> 'managed') AS m (id)
        WHERE (
            SELECT k.directory_managed FROM organizations AS k WHERE k.workos_id = m.id
        ) IS NOT TRUE
    )
$$;
