-- Whether an event about a person could change their access; false spares its derivation. It
-- cannot where a group without a mapping gains or loses somebody well known, nor where somebody
-- who counts goes on counting under the same key with the same state.
CREATE FUNCTION may_change_access(person text, grp text, facts jsonb)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF person IS NULL THEN
        RETURN false;
    END IF;
    IF grp IS NOT NULL THEN
        RETURN facts #>> '{groups,0,name}' IN ('Authors', 'Admins')
            OR EXISTS (SELECT FROM role_mappings r WHERE r.group_id = grp)
            OR (facts ? 'users' AND NOT EXISTS (
                SELECT FROM directory_users k WHERE k.id = person AND k.rank = 1
            ));
    END IF;
    RETURN facts ? 'removed_users' OR NOT EXISTS (
        SELECT FROM counting_users c
        JOIN directory_users k ON k.id = c.id AND k.rank = 1
        WHERE c.id = person
          AND c.state = facts #>> '{users,0,state}'
          AND c.account_key = coalesce(nullif(facts #>> '{users,0,idp_id}', ''), person)
          AND c.directory_id = facts #>> '{users,0,directory_id}'
          AND c.organization_id = facts #>> '{users,0,organization_id}'
    );
END
$$
