-- The end of a complete reading: from here on nothing counts that it lacks. Unless `confirmed`,
-- everything is left as it was when too many people would lose access or a role, when nobody
-- would be left to administer, or when the listing is `doubtful`.
-- `listed` are the directories that were read; `gone` are those that exist no more, with the time.
CREATE FUNCTION complete_reading(
    organization text, occurred timestamptz, reading text, listed text[], gone jsonb,
    doubtful boolean, confirmed boolean
)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    removed jsonb;
    examples jsonb;
    losing integer;
    most integer;
    last_admin boolean;
BEGIN
    PERFORM FROM directories d
    WHERE d.id = ANY (listed) OR gone ? d.id
    ORDER BY d.id
    FOR UPDATE;

    -- What counts now, and will not.
    CREATE TEMP TABLE ending ON COMMIT DROP AS
    WITH older AS MATERIALIZED (
        SELECT e.user_id, e.group_id
        FROM directory_memberships e
        JOIN directory_groups g ON g.id = e.group_id
        WHERE g.organization_id = organization
          AND e.present
          AND (
              (
                  g.directory_id = ANY (listed)
                  AND (
                      (e.occurred_at, e.event_id) < (occurred, reading)
                      OR (g.occurred_at, g.event_id) < (occurred, reading)
                  )
              )
              OR least(e.occurred_at, g.occurred_at) <= (gone ->> g.directory_id)::timestamptz
          )
    )
    SELECT 'people' AS kind, c.account_key, c.id, u.name, NULL AS group_id, NULL AS group_name
    FROM counting_users c
    JOIN directory_users u ON u.id = c.id
    WHERE c.organization_id = organization
      AND (
          (u.directory_id = ANY (listed) AND (u.occurred_at, u.event_id) < (occurred, reading))
          OR u.occurred_at <= (gone ->> u.directory_id)::timestamptz
      )
    UNION ALL
    SELECT 'groups', NULL, c.id, c.name, NULL, NULL
    FROM counting_groups c
    JOIN directory_groups g ON g.id = c.id
    WHERE c.organization_id = organization
      AND (
          (g.directory_id = ANY (listed) AND (g.occurred_at, g.event_id) < (occurred, reading))
          OR g.occurred_at <= (gone ->> g.directory_id)::timestamptz
      )
    UNION ALL
    SELECT 'memberships', m.account_key, m.user_id, u.name, m.group_id, m.group_name
    FROM older o
    JOIN counting_memberships m ON m.user_id = o.user_id AND m.group_id = o.group_id
    JOIN directory_users u ON u.id = m.user_id
    WHERE m.state = 'active'
    UNION ALL
    SELECT 'directories', NULL, d.id, d.name, NULL, NULL
    FROM directories d
    WHERE gone ? d.id
      AND (
          d.removed_at IS NULL OR d.occurred_at > d.removed_at
          OR d.removed_at <= d.complete_as_of
      );

    WITH numbered AS (
        SELECT *, row_number() OVER (PARTITION BY kind ORDER BY id, group_id) AS number FROM ending
    )
    SELECT jsonb_object_agg(kind, report) INTO removed
    FROM (
        SELECT kind, jsonb_build_object(
            'removed', count(*),
            'examples', jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                'change', 'removed', 'id', id, 'name', name,
                'group_id', group_id, 'group', group_name
            )) ORDER BY number) FILTER (WHERE number <= 20)
        ) AS report
        FROM numbered
        GROUP BY kind
    ) kinds;
    removed := coalesce(removed, '{}');

    CREATE TEMP TABLE standing ON COMMIT DROP AS
    SELECT x.user_id, a.name, x.roles
    FROM (SELECT DISTINCT account_key FROM ending WHERE account_key IS NOT NULL) k
    JOIN users a ON a.organization_id = organization AND a.key = k.account_key
    JOIN access x ON x.user_id = a.id
    WHERE x.active;

    IF (SELECT count(*) FROM standing) > 10 THEN
        most := loss_limit(organization);
    END IF;

    BEGIN
        UPDATE directories d SET complete_as_of = occurred, complete_id = reading
        WHERE d.id = ANY (listed)
          AND coalesce((d.complete_as_of, d.complete_id) < (occurred, reading), true);
        INSERT INTO directories AS d (id, organization_id, removed_at)
        SELECT g.key, organization, g.value::timestamptz
        FROM jsonb_each_text(gone) g
        ORDER BY g.key
        ON CONFLICT (id) DO UPDATE SET removed_at = greatest(d.removed_at, excluded.removed_at);

        CREATE TEMP TABLE lost ON COMMIT DROP AS
        SELECT s.user_id, s.name, s.roles AS roles_before, x.active, x.roles
        FROM standing s
        -- One by one: joined, the access of every organization's people was derived.
        CROSS JOIN LATERAL (SELECT * FROM access x WHERE x.user_id = s.user_id OFFSET 0) x
        WHERE NOT x.active OR NOT s.roles <@ x.roles;

        SELECT count(*), coalesce(
            jsonb_agg(l.name ORDER BY l.name, l.user_id) FILTER (WHERE l.number <= 20), '[]'
        )
        INTO losing, examples
        FROM (SELECT *, row_number() OVER (ORDER BY name, user_id) AS number FROM lost) l;

        last_admin := EXISTS (
            SELECT FROM lost WHERE 'admin' = ANY (roles_before) AND NOT 'admin' = ANY (roles)
        ) AND NOT EXISTS (
            SELECT
            FROM (
                SELECT a.id
                FROM role_mappings r
                JOIN directory_memberships e ON e.group_id = r.group_id
                JOIN directory_users u ON u.id = e.user_id
                JOIN users a ON a.organization_id = u.organization_id AND a.key = u.account_key
                WHERE r.organization_id = organization AND r.role = 'admin' AND NOT r.removed
                UNION
                SELECT g.user_id
                FROM role_grants g
                WHERE g.organization_id = organization AND g.role = 'admin'
            ) perhaps
            JOIN access x ON x.user_id = perhaps.id
            WHERE x.active AND 'admin' = ANY (x.roles)
        );

        IF NOT confirmed AND (coalesce(losing > most, false) OR last_admin OR doubtful) THEN
            RAISE EXCEPTION USING ERRCODE = 'RC001';
        END IF;

        UPDATE invitations i SET closed_at = now()
        FROM lost l
        WHERE i.user_id = l.user_id AND NOT l.active AND i.closed_at IS NULL;

        INSERT INTO audit_events (id, organization_id, action, subject_id, event_id, detail)
        SELECT
            new_uuid7(),
            organization, 'reconciliation.access_lost', l.user_id, reading,
            jsonb_build_object(
                'before', jsonb_build_object(
                    'access', jsonb_build_object('active', true, 'roles', l.roles_before)
                ),
                'after', jsonb_build_object(
                    'access', jsonb_build_object('active', l.active, 'roles', l.roles)
                )
            )
        FROM lost l;
    EXCEPTION WHEN SQLSTATE 'RC001' THEN
        RETURN jsonb_build_object(
            'removed', removed,
            'held', jsonb_build_object(
                'people', losing, 'limit', coalesce(most, loss_limit(organization)), 'last_admin', last_admin, 'examples', examples
            )
        );
    END;
    RETURN jsonb_build_object('removed', removed, 'lost', losing);
END
$$
