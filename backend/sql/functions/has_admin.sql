-- Whether some person of the organization may administer now: a program cannot let anybody back in.
-- Who may be one is looked for by the grants and mappings that make one, and `access` says of each
-- whether they are, to the first.
CREATE OR REPLACE FUNCTION has_admin(organization text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    candidate uuid;
BEGIN
    FOR candidate IN
        SELECT g.user_id
        FROM role_grants AS g
        WHERE g.organization_id = organization AND g.role = ANY (admin_roles())
        UNION ALL
        SELECT u.id
        FROM role_mappings AS r
        INNER JOIN directory_memberships AS m
            ON r.organization_id = m.organization_id AND r.group_id = m.group_id AND m.present
        INNER JOIN directory_users AS d
            ON m.organization_id = d.organization_id AND m.directory_user_id = d.id
        INNER JOIN users AS u ON d.organization_id = u.organization_id AND d.user_key = u.key
        WHERE r.organization_id = organization AND r.role = ANY (admin_roles()) AND NOT r.removed
        UNION ALL
        SELECT u.id
        FROM organizations AS o
        INNER JOIN workos_role_mappings AS w ON o.workos_id = w.organization_id AND NOT w.removed
        INNER JOIN directory_users AS d
            ON w.organization_id = d.organization_id
                AND d.role_slugs @> ARRAY[w.slug]
                AND d.role_slugs <> '{}'
        INNER JOIN users AS u ON d.organization_id = u.organization_id AND d.user_key = u.key
        WHERE o.workos_id = organization
            AND o.role_source <> 'groups'
            AND w.role = ANY (admin_roles())
        UNION ALL
        SELECT u.id
        FROM organizations AS o
        INNER JOIN workos_role_mappings AS w ON o.workos_id = w.organization_id AND NOT w.removed
        INNER JOIN users AS u
            ON w.organization_id = u.organization_id
                AND u.role_slugs @> ARRAY[w.slug]
                AND u.role_slugs <> '{}'
        WHERE o.workos_id = organization
            AND o.role_source <> 'groups'
            AND NOT o.directory_managed
            AND w.role = ANY (admin_roles())
    LOOP
        IF (
            SELECT a.roles && admin_roles() FROM access AS a
            WHERE a.organization_id = organization AND a.user_id = candidate
        ) AND (
            SELECT d.kind = 'service' FROM admissions AS d
            WHERE d.organization_id = organization AND d.user_id = candidate
        ) IS NOT TRUE THEN
            RETURN TRUE;
        END IF;
    END LOOP;
    RETURN FALSE;
END
$$;
