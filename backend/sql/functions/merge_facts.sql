-- The one way into the mirror (invariant 7), for the facts of any number of events and snapshots;
-- returns the ids of those that wrote a row, '' for a row that has none. `facts` is of the type
-- Facts in services/mirror/rows.py: of each row its newest version, which it carries itself. Every
-- write is a maximum over versions or a union, so the mirror is a function of the set of events
-- (invariant 3). Locks are taken in one order: organization, directory, user, directory user,
-- role at WorkOS, group, mapping, membership.
-- What a row is compared with is looked up row by row, by scalar subqueries: a join with what JSON
-- brings would be planned for a hundred rows, and read whole tables at every event.
CREATE OR REPLACE FUNCTION merge_facts(facts jsonb)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    wrote text[] := '{}';
    closing text[] := '{}';
    snapshot directory_users;
BEGIN
    IF facts ? 'managed' THEN
        WITH written AS (
            INSERT INTO organizations AS o (workos_id, directory_managed)
            SELECT m.id, true
            FROM jsonb_array_elements_text(facts -> 'managed') AS m (id)
            WHERE (
                SELECT k.directory_managed FROM organizations AS k WHERE k.workos_id = m.id
            ) IS NOT TRUE
            ORDER BY m.id
            ON CONFLICT (workos_id) DO UPDATE SET directory_managed = true
            WHERE NOT o.directory_managed
            RETURNING o.workos_id
        )
        SELECT coalesce(array_agg(''::text), '{}'), coalesce(array_agg(w.workos_id), '{}')
        INTO wrote, closing
        FROM written AS w;
    END IF;

    IF facts ? 'organizations' THEN
        WITH written AS (
            INSERT INTO organizations AS o (workos_id, name, occurred_at, event_id)
            SELECT r.workos_id, r.name, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::organizations, facts -> 'organizations') AS r
            ORDER BY r.workos_id
            ON CONFLICT (workos_id) DO UPDATE
            SET name = excluded.name, occurred_at = excluded.occurred_at,
                event_id = excluded.event_id
            WHERE ((o.occurred_at, o.event_id) < (excluded.occurred_at, excluded.event_id))
                IS NOT FALSE
            RETURNING o.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'deleted_organizations' THEN
        WITH written AS (
            INSERT INTO organizations AS o (workos_id, deleted)
            SELECT r.workos_id, true
            FROM jsonb_populate_recordset(
                NULL::organizations, facts -> 'deleted_organizations'
            ) AS r
            ORDER BY r.workos_id
            ON CONFLICT (workos_id) DO UPDATE SET deleted = true WHERE NOT o.deleted
            RETURNING o.workos_id
        )
        SELECT
            wrote || coalesce(array_agg(''::text), '{}'),
            closing || coalesce(array_agg(w.workos_id), '{}')
        INTO wrote, closing
        FROM written AS w;
    END IF;

    IF facts ? 'directories' THEN
        WITH written AS (
            INSERT INTO directories AS d (
                organization_id, id, name, type, rank, occurred_at, event_id
            )
            SELECT r.organization_id, r.id, r.name, r.type, r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directories, facts -> 'directories') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET name = excluded.name, type = excluded.type, rank = excluded.rank,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((d.rank, d.occurred_at, d.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE
            RETURNING d.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'removed_directories' THEN
        WITH written AS (
            INSERT INTO directories AS d (organization_id, id, removed_at, removed_by)
            SELECT r.organization_id, r.id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directories, facts -> 'removed_directories') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((d.removed_at, d.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE
            RETURNING d.organization_id, d.removed_by AS event_id
        )
        SELECT
            wrote || coalesce(array_agg(w.event_id), '{}'),
            closing || coalesce(array_agg(w.organization_id), '{}')
        INTO wrote, closing
        FROM written AS w;
    END IF;

    IF facts ? 'directory_users' THEN
        -- The profile is a copy for display.
        WITH written AS (
            INSERT INTO users AS u (
                organization_id, key, id, name, email, job_title, department,
                profile_rank, profile_at, profile_event_id
            )
            SELECT DISTINCT ON (r.organization_id, r.user_key)
                r.organization_id, r.user_key, r.user_id, r.name, r.email, r.job_title,
                r.department, r.rank, r.occurred_at, r.event_id
            FROM jsonb_to_recordset(facts -> 'directory_users') AS r (
                organization_id text, id text, user_key text, user_id uuid, name text, email text,
                job_title text, department text, rank smallint, occurred_at timestamptz,
                event_id text
            )
            -- A look before the lock, and before all that is made of a name: most are hints about
            -- somebody well known.
            WHERE (
                SELECT (k.profile_rank, k.profile_at, k.profile_event_id)
                    < (r.rank, r.occurred_at, r.event_id)
                FROM users AS k
                WHERE k.organization_id = r.organization_id AND k.key = r.user_key
            ) IS NOT FALSE
            ORDER BY
                r.organization_id, r.user_key,
                r.rank DESC, r.occurred_at DESC, r.event_id DESC, r.id DESC
            ON CONFLICT (organization_id, key) DO UPDATE
            SET name = excluded.name, email = excluded.email, job_title = excluded.job_title,
                department = excluded.department, profile_rank = excluded.profile_rank,
                profile_at = excluded.profile_at, profile_event_id = excluded.profile_event_id
            WHERE ((u.profile_rank, u.profile_at, u.profile_event_id)
                < (excluded.profile_rank, excluded.profile_at, excluded.profile_event_id))
                IS NOT FALSE
            RETURNING u.profile_event_id AS event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;

        WITH written AS (
            INSERT INTO directory_users AS u (
                organization_id, id, directory_id, idp_id, email, name, state, custom_attributes,
                role_slugs, rank, occurred_at, event_id
            )
            SELECT
                r.organization_id, r.id, r.directory_id, r.idp_id, r.email, r.name, r.state,
                r.custom_attributes, coalesce(r.role_slugs, '{}'), r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_users, facts -> 'directory_users') AS r
            -- As above: hints must not queue on the row of somebody well known.
            WHERE (
                SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, r.occurred_at, r.event_id)
                FROM directory_users AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id
            ) IS NOT FALSE
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET directory_id = excluded.directory_id, idp_id = excluded.idp_id,
                email = excluded.email, name = excluded.name, state = excluded.state,
                custom_attributes = excluded.custom_attributes, role_slugs = excluded.role_slugs,
                rank = excluded.rank, occurred_at = excluded.occurred_at,
                event_id = excluded.event_id
            WHERE ((u.rank, u.occurred_at, u.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE
            RETURNING u.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts @? '$.directory_users[*].role_slugs[*]' THEN
        INSERT INTO workos_roles (organization_id, slug)
        SELECT told.organization_id, told.slug
        FROM (
            SELECT DISTINCT r.organization_id, s.slug
            FROM jsonb_to_recordset(facts -> 'directory_users')
                AS r (organization_id text, role_slugs text[])
            CROSS JOIN unnest(r.role_slugs) AS s (slug)
        ) AS told
        WHERE (
            SELECT k.slug FROM workos_roles AS k
            WHERE k.organization_id = told.organization_id AND k.slug = told.slug
        ) IS NULL
        ORDER BY told.organization_id, told.slug
        ON CONFLICT DO NOTHING;
    END IF;

    IF facts ? 'removed_directory_users' THEN
        WITH written AS (
            INSERT INTO directory_users AS u (
                organization_id, id, directory_id, removed_at, removed_by
            )
            SELECT r.organization_id, r.id, r.directory_id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(
                NULL::directory_users, facts -> 'removed_directory_users'
            ) AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((u.removed_at, u.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE
            RETURNING u.removed_by AS event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'groups' THEN
        WITH written AS (
            INSERT INTO directory_groups AS g (
                organization_id, id, directory_id, name, rank, occurred_at, event_id
            )
            SELECT
                r.organization_id, r.id, r.directory_id, r.name, r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_groups, facts -> 'groups') AS r
            WHERE (
                SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, r.occurred_at, r.event_id)
                FROM directory_groups AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id
            ) IS NOT FALSE
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET directory_id = excluded.directory_id, name = excluded.name, rank = excluded.rank,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((g.rank, g.occurred_at, g.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE
            RETURNING g.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;

        -- A group seen with a default name is mapped once, whatever the version: by its id, so
        -- that a rename changes only the label.
        WITH written AS (
            INSERT INTO role_mappings AS k (organization_id, group_id, role, source, event_id)
            SELECT r.organization_id, r.id, r.default_role, 'default', r.event_id
            FROM jsonb_to_recordset(facts -> 'groups')
                AS r (organization_id text, id text, default_role text, event_id text)
            WHERE r.default_role IS NOT NULL
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, group_id, role) DO NOTHING
            RETURNING k.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'removed_groups' THEN
        WITH written AS (
            INSERT INTO directory_groups AS g (
                organization_id, id, directory_id, removed_at, removed_by
            )
            SELECT r.organization_id, r.id, r.directory_id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_groups, facts -> 'removed_groups') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((g.removed_at, g.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE
            RETURNING g.removed_by AS event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'memberships' THEN
        WITH written AS (
            INSERT INTO directory_memberships AS m (
                organization_id, directory_user_id, group_id, present, occurred_at, event_id
            )
            SELECT r.organization_id, u.id, r.group_id, r.present, r.occurred_at, r.event_id
            FROM jsonb_to_recordset(facts -> 'memberships') AS r (
                organization_id text, directory_user_ids jsonb, group_id text, present boolean,
                occurred_at timestamptz, event_id text
            )
            CROSS JOIN jsonb_array_elements_text(r.directory_user_ids) AS u (id)
            ORDER BY r.organization_id, u.id, r.group_id
            ON CONFLICT (organization_id, directory_user_id, group_id) DO UPDATE
            SET present = excluded.present, occurred_at = excluded.occurred_at,
                event_id = excluded.event_id
            WHERE (m.occurred_at, m.event_id) < (excluded.occurred_at, excluded.event_id)
            RETURNING m.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    -- Who was read with all their groups: an older membership that the snapshot lacks has ended.
    IF facts ? 'snapshots' THEN
        FOR snapshot IN
            SELECT * FROM jsonb_populate_recordset(NULL::directory_users, facts -> 'snapshots')
        LOOP
            UPDATE directory_users AS u
            SET snapshot_as_of = snapshot.occurred_at, snapshot_id = snapshot.event_id
            WHERE u.organization_id = snapshot.organization_id
                AND u.id = snapshot.id
                AND ((u.snapshot_as_of, u.snapshot_id)
                    < (snapshot.occurred_at, snapshot.event_id)) IS NOT FALSE;
            IF FOUND THEN
                wrote := wrote || snapshot.event_id;
            END IF;
        END LOOP;
    END IF;

    IF facts ?| '{domain_listings,domains,connections,certificates,directory_tokens}' THEN
        wrote := wrote || merge_portal_facts(facts);
    END IF;

    -- Many may have left at once: what they hold is ended behind the answer.
    IF closing <> '{}' THEN
        UPDATE organizations AS o SET access_changed = TRUE
        WHERE o.workos_id = ANY (closing) AND NOT o.access_changed;
    END IF;
    RETURN wrote;
END
$$;
