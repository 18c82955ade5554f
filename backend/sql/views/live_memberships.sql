CREATE OR REPLACE VIEW live_memberships AS
SELECT
    m.organization_id, m.directory_user_id, m.group_id, u.user_key, g.name AS group_name,
    u.state, u.directory_id
FROM directory_memberships AS m
INNER JOIN live_directory_users AS u
    ON m.organization_id = u.organization_id AND m.directory_user_id = u.id
INNER JOIN directory_groups AS g
    ON m.organization_id = g.organization_id
        AND m.group_id = g.id
        AND u.directory_id = g.directory_id
WHERE is_live_membership(m, g, u);
