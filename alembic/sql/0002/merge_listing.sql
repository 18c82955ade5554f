-- A part of a complete listing: merged as an event is, and how the mirror differed from it.
-- A row that is newer than the reading is no drift, and neither is whether someone counts who is
-- inactive on both sides.
CREATE FUNCTION merge_listing(occurred timestamptz, reading text, facts jsonb)
RETURNS jsonb LANGUAGE plpgsql
-- Each row is looked up by its key, also while the statistics still say that the tables are empty.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    people text[];
    people_keys text[];
    groups text[];
    member_people text[];
    member_groups text[];
    known jsonb := '[]';
    standing jsonb;
    drift jsonb;
BEGIN
    -- Before: what differs, and what does not count and may do so afterwards.
    IF facts ? 'directories' THEN
        SELECT known || coalesce(jsonb_agg(to_jsonb(c)), '[]') INTO known
        FROM (
            SELECT 'directories' AS kind, r.id, r.name,
                CASE WHEN d.id IS NOT NULL AND (
                        d.removed_at IS NULL OR d.occurred_at > d.removed_at
                        OR d.removed_at <= d.complete_as_of
                    ) THEN listing_changes(
                        jsonb_build_object('name', d.name, 'type', d.type),
                        jsonb_build_object('name', r.name, 'type', r.type)
                    )
                END AS changes
            FROM jsonb_to_recordset(facts -> 'directories') AS r (id text, name text, type text)
            LEFT JOIN directories d ON d.id = r.id AND d.occurred_at IS NOT NULL
            WHERE coalesce((d.occurred_at, d.event_id) < (occurred, reading), true)
              AND coalesce(d.removed_at < occurred, true)
        ) c
        WHERE c.changes IS DISTINCT FROM '{}';
    END IF;

    IF facts ? 'users' THEN
        WITH compared AS MATERIALIZED (
            SELECT r.id, r.name, coalesce(nullif(r.idp_id, ''), r.id) AS account_key,
                c.id IS NULL AND coalesce(k.state = 'active' OR r.state = 'active', true) AS absent,
                CASE WHEN c.id IS NOT NULL OR (k.state <> 'active' AND r.state <> 'active') THEN
                    CASE WHEN (k.name, k.email, k.state, k.idp_id, k.custom_attributes)
                        IS DISTINCT FROM (r.name, r.email, r.state, r.idp_id, r.custom_attributes)
                    THEN listing_changes(
                        to_jsonb(k),
                        jsonb_build_object(
                            'name', r.name, 'email', r.email, 'state', r.state,
                            'idp_id', r.idp_id, 'custom_attributes', r.custom_attributes
                        )
                    ) END
                END AS changes
            FROM jsonb_to_recordset(facts -> 'users') AS r (
                id text, name text, email text, state text, idp_id text, custom_attributes jsonb
            )
            LEFT JOIN directory_users k ON k.id = r.id
            LEFT JOIN counting_users c ON c.id = r.id
            WHERE k.occurred_at IS NULL OR (k.occurred_at, k.event_id) < (occurred, reading)
        )
        SELECT
            array(SELECT id FROM compared WHERE absent),
            array(SELECT account_key FROM compared WHERE absent),
            known || (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'kind', 'people', 'id', id, 'name', name, 'changes', changes
                )), '[]')
                FROM compared
                WHERE changes IS NOT NULL
            )
        INTO people, people_keys, known;
    END IF;

    IF facts ? 'groups' THEN
        WITH compared AS MATERIALIZED (
            SELECT r.id, r.name, c.id IS NULL AS absent,
                CASE WHEN c.name <> r.name
                    THEN jsonb_build_object('name', jsonb_build_array(c.name, r.name))
                END AS changes
            FROM jsonb_to_recordset(facts -> 'groups') AS r (id text, name text)
            LEFT JOIN directory_groups k ON k.id = r.id
            LEFT JOIN counting_groups c ON c.id = r.id
            WHERE k.occurred_at IS NULL OR (k.occurred_at, k.event_id) < (occurred, reading)
        )
        SELECT
            array(SELECT id FROM compared WHERE absent),
            known || (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'kind', 'groups', 'id', id, 'name', name, 'changes', changes
                )), '[]')
                FROM compared
                WHERE changes IS NOT NULL
            )
        INTO groups, known;
    END IF;

    IF facts ? 'memberships' THEN
        -- People and groups come first, so whether these will count can be said beforehand.
        WITH absent AS MATERIALIZED (
            SELECT m.user_id, r.group_id
            FROM jsonb_to_recordset(facts -> 'memberships') AS r (user_ids jsonb, group_id text)
            CROSS JOIN LATERAL jsonb_array_elements_text(r.user_ids) AS m (user_id)
            LEFT JOIN directory_memberships e ON e.user_id = m.user_id AND e.group_id = r.group_id
            WHERE e.user_id IS NULL OR (
                (e.occurred_at, e.event_id) < (occurred, reading)
                AND (
                    SELECT true FROM counting_memberships c
                    WHERE c.user_id = m.user_id AND c.group_id = r.group_id
                ) IS NULL
            )
        )
        SELECT array_agg(r.user_id), array_agg(r.group_id) INTO member_people, member_groups
        FROM absent r
        JOIN counting_users c ON c.id = r.user_id AND c.state = 'active'
        JOIN counting_groups g ON g.id = r.group_id
        WHERE coalesce(greatest(c.removed_at, g.removed_at, c.directory_removed_at) < occurred, true)
          AND coalesce((c.read_as_of, c.read_id) <= (occurred, reading), true);
    END IF;

    -- Whose access may change: of those who have ever signed in, or a first listing would derive
    -- that of everybody.
    SELECT jsonb_object_agg(x.user_id, jsonb_build_object('active', x.active, 'roles', x.roles))
    INTO standing
    FROM (
        SELECT facts #>> '{users,0,organization_id}' AS organization_id, k.account_key
        FROM unnest(people_keys) AS k (account_key)
        UNION
        SELECT u.organization_id, u.account_key
        FROM (
            SELECT k ->> 'id' AS id FROM jsonb_array_elements(known) k
            WHERE k -> 'changes' ? 'state'
            UNION
            SELECT s.user_id
            FROM unnest(member_people, member_groups) AS s (user_id, group_id)
            WHERE EXISTS (SELECT FROM role_mappings r WHERE r.group_id = s.group_id)
        ) changed
        JOIN directory_users u ON u.id = changed.id
    ) watched
    JOIN users a
      ON a.organization_id = watched.organization_id AND a.key = watched.account_key
     AND a.joined_at IS NOT NULL
    JOIN access x ON x.user_id = a.id;

    PERFORM merge_directory_facts(occurred, reading, facts);

    INSERT INTO audit_events (id, organization_id, action, subject_id, event_id, detail)
    SELECT new_uuid7(), x.organization_id, 'reconciliation.access_changed', x.user_id, reading,
        jsonb_build_object(
            'before', jsonb_build_object('access', s.value),
            'after', jsonb_build_object('access', now.access)
        )
    FROM jsonb_each(standing) s
    JOIN access x ON x.user_id = s.key::uuid
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object('active', x.active, 'roles', x.roles) AS access
    ) now
    WHERE s.value <> now.access;

    -- Afterwards: which of those count now.
    WITH found AS (
        SELECT k ->> 'kind' AS kind,
            CASE WHEN k -> 'changes' = 'null' THEN 'added' ELSE 'changed' END AS change,
            k ->> 'id' AS id, k ->> 'name' AS name, NULL AS group_id, NULL AS group_name,
            k -> 'changes' AS changes
        FROM jsonb_array_elements(known) k
        UNION ALL
        SELECT 'people', 'added', u.id, u.name, NULL, NULL, NULL
        FROM unnest(people) AS s (id)
        JOIN counting_users c ON c.id = s.id
        JOIN directory_users u ON u.id = s.id
        UNION ALL
        SELECT 'groups', 'added', c.id, c.name, NULL, NULL, NULL
        FROM unnest(groups) AS s (id)
        JOIN counting_groups c ON c.id = s.id
        UNION ALL
        SELECT 'memberships', 'added', u.id, u.name, g.id, g.name, NULL
        FROM unnest(member_people[:20], member_groups[:20]) AS s (user_id, group_id)
        JOIN directory_users u ON u.id = s.user_id
        JOIN directory_groups g ON g.id = s.group_id
    ),
    numbered AS (
        SELECT *, row_number() OVER (PARTITION BY kind ORDER BY id, group_id) AS number FROM found
    )
    SELECT jsonb_object_agg(kind, report) INTO drift
    FROM (
        SELECT kind, jsonb_build_object(
            'added', count(*) FILTER (WHERE change = 'added'),
            'changed', count(*) FILTER (WHERE change = 'changed'),
            'examples', jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                'change', change, 'id', id, 'name', name,
                'group_id', group_id, 'group', group_name, 'changes', changes
            )) ORDER BY number) FILTER (WHERE number <= 20)
        ) AS report
        FROM numbered
        GROUP BY kind
    ) kinds;
    IF cardinality(member_people) > 20 THEN
        drift := jsonb_set(
            drift, '{memberships,added}', to_jsonb(cardinality(member_people))
        );
    END IF;
    RETURN coalesce(drift, '{}');
END
$$
