-- The one apply path (invariant 7). Every write is a maximum over versions or a union, so the
-- mirror is a function of the set of events (invariant 3). Locks are taken in one order:
-- organization, directory, account, user, group, mapping, membership.
-- What a row is compared with is looked up row by row: a join may be planned while the tables are
-- empty, and would read them whole at every event from then on.

CREATE OR REPLACE FUNCTION merge_directory_facts(occurred timestamptz, event text, facts jsonb)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    written integer := 0;
    n integer;
    about text := coalesce(
        facts #>> '{users,0,directory_id}', facts #>> '{groups,0,directory_id}',
        facts #>> '{memberships,0,directory_id}', facts #>> '{removed_users,0,directory_id}',
        facts #>> '{removed_groups,0,directory_id}', facts #>> '{removed_directories,0,id}'
    );
    superseded boolean;
BEGIN
    -- What is older than the directory's complete listing is written by its version as ever, but
    -- does not count, so that nothing was done; unless it takes the place of a newer hint.
    SELECT NOT EXISTS (
        SELECT FROM directory_users k
        WHERE k.id = facts #>> '{users,0,id}'
          AND k.rank = 0
          AND (k.occurred_at, k.event_id) >= (d.complete_as_of, d.complete_id)
    ) AND NOT EXISTS (
        SELECT FROM directory_groups k
        WHERE k.id = facts #>> '{groups,0,id}'
          AND k.rank = 0
          AND (k.occurred_at, k.event_id) >= (d.complete_as_of, d.complete_id)
    )
    INTO superseded
    FROM directories d
    WHERE d.id = about AND (d.complete_as_of, d.complete_id) > (occurred, event);
    superseded := coalesce(superseded, false);

    INSERT INTO organizations AS o (workos_id, directory_managed)
    SELECT DISTINCT m.id, true
    FROM jsonb_array_elements_text(facts -> 'managed') AS m (id)
    WHERE NOT coalesce(
        (SELECT k.directory_managed FROM organizations k WHERE k.workos_id = m.id), false
    )
    ORDER BY m.id
    ON CONFLICT (workos_id) DO UPDATE SET directory_managed = true
    WHERE NOT o.directory_managed;

    IF facts ? 'organizations' THEN
        INSERT INTO organizations AS o (workos_id, name, occurred_at, event_id)
        SELECT r.id, coalesce(r.name, ''), occurred, event
        FROM jsonb_to_recordset(facts -> 'organizations') AS r (id text, name text)
        ORDER BY r.id
        ON CONFLICT (workos_id) DO UPDATE
        SET name = excluded.name, occurred_at = excluded.occurred_at, event_id = excluded.event_id
        WHERE o.occurred_at IS NULL
           OR (o.occurred_at, o.event_id) < (excluded.occurred_at, excluded.event_id);
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END IF;

    IF facts ? 'deleted_organizations' THEN
        INSERT INTO organizations AS o (workos_id, deleted)
        SELECT r.id, true
        FROM jsonb_array_elements_text(facts -> 'deleted_organizations') AS r (id)
        ON CONFLICT (workos_id) DO UPDATE SET deleted = true WHERE NOT o.deleted;
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END IF;

    IF facts ? 'directories' THEN
        INSERT INTO directories AS d (id, organization_id, name, type, rank, occurred_at, event_id)
        SELECT r.id, r.organization_id, r.name, r.type, 1, occurred, event
        FROM jsonb_to_recordset(facts -> 'directories')
            AS r (id text, organization_id text, name text, type text)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE
        SET organization_id = excluded.organization_id, name = excluded.name,
            type = excluded.type, rank = excluded.rank,
            occurred_at = excluded.occurred_at, event_id = excluded.event_id
        WHERE d.occurred_at IS NULL
           OR (d.rank, d.occurred_at, d.event_id)
            < (excluded.rank, excluded.occurred_at, excluded.event_id);
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END IF;

    IF facts ? 'removed_directories' THEN
        INSERT INTO directories AS d (id, organization_id, removed_at)
        SELECT r.id, r.organization_id, occurred
        FROM jsonb_to_recordset(facts -> 'removed_directories') AS r (id text, organization_id text)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE SET removed_at = excluded.removed_at
        WHERE d.removed_at IS NULL OR d.removed_at < excluded.removed_at;
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + CASE WHEN superseded THEN 0 ELSE n END;
    END IF;

    IF facts ? 'users' THEN
        INSERT INTO users AS a (
            id, organization_id, key, name, email, job_title, department,
            profile_rank, profile_at, profile_event_id
        )
        SELECT DISTINCT ON (r.organization_id, coalesce(nullif(r.idp_id, ''), r.id))
            r.account_id, r.organization_id, coalesce(nullif(r.idp_id, ''), r.id),
            r.name, r.email, r.job_title, r.department, r.rank, occurred, event
        FROM jsonb_to_recordset(facts -> 'users') AS r (
            id text, account_id uuid, organization_id text, idp_id text, rank smallint,
            name text, email text, job_title text, department text
        )
        ORDER BY r.organization_id, coalesce(nullif(r.idp_id, ''), r.id), r.id DESC
        ON CONFLICT (organization_id, key) DO UPDATE
        SET name = excluded.name, email = excluded.email, job_title = excluded.job_title,
            department = excluded.department, profile_rank = excluded.profile_rank,
            profile_at = excluded.profile_at, profile_event_id = excluded.profile_event_id
        WHERE a.profile_at IS NULL
           OR (a.profile_rank, a.profile_at, a.profile_event_id)
            < (excluded.profile_rank, excluded.profile_at, excluded.profile_event_id);

        INSERT INTO directory_users AS u (
            id, directory_id, organization_id, idp_id, email, name, state, custom_attributes,
            rank, occurred_at, event_id
        )
        SELECT r.id, r.directory_id, r.organization_id, r.idp_id, r.email, r.name, r.state,
            r.custom_attributes, r.rank, occurred, event
        FROM jsonb_to_recordset(facts -> 'users') AS r (
            id text, directory_id text, organization_id text, idp_id text, email text, name text,
            state text, custom_attributes jsonb, rank smallint
        )
        -- A look before the lock: hints about someone well known must not queue on their row.
        WHERE coalesce((
            SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, occurred, event)
            FROM directory_users k
            WHERE k.id = r.id
        ), true)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE
        SET directory_id = excluded.directory_id, organization_id = excluded.organization_id,
            idp_id = excluded.idp_id, email = excluded.email, name = excluded.name,
            state = excluded.state, custom_attributes = excluded.custom_attributes,
            rank = excluded.rank, occurred_at = excluded.occurred_at, event_id = excluded.event_id
        WHERE u.occurred_at IS NULL
           OR (u.rank, u.occurred_at, u.event_id)
            < (excluded.rank, excluded.occurred_at, excluded.event_id);
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + CASE WHEN superseded THEN 0 ELSE n END;
    END IF;

    IF facts ? 'removed_users' THEN
        INSERT INTO directory_users AS u (id, directory_id, organization_id, removed_at)
        SELECT r.id, r.directory_id, r.organization_id, occurred
        FROM jsonb_to_recordset(facts -> 'removed_users')
            AS r (id text, directory_id text, organization_id text)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE SET removed_at = excluded.removed_at
        WHERE u.removed_at IS NULL OR u.removed_at < excluded.removed_at;
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + CASE WHEN superseded THEN 0 ELSE n END;
    END IF;

    IF facts ? 'groups' THEN
        INSERT INTO directory_groups AS g (
            id, directory_id, organization_id, idp_id, name, rank, occurred_at, event_id
        )
        SELECT r.id, r.directory_id, r.organization_id, r.idp_id, r.name, r.rank, occurred, event
        FROM jsonb_to_recordset(facts -> 'groups') AS r (
            id text, directory_id text, organization_id text, idp_id text, name text,
            rank smallint
        )
        WHERE coalesce((
            SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, occurred, event)
            FROM directory_groups k
            WHERE k.id = r.id
        ), true)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE
        SET directory_id = excluded.directory_id, organization_id = excluded.organization_id,
            idp_id = excluded.idp_id, name = excluded.name, rank = excluded.rank,
            occurred_at = excluded.occurred_at, event_id = excluded.event_id
        WHERE g.occurred_at IS NULL
           OR (g.rank, g.occurred_at, g.event_id)
            < (excluded.rank, excluded.occurred_at, excluded.event_id);
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + CASE WHEN superseded THEN 0 ELSE n END;

        -- A default name maps its group once, whatever the version; a rename changes only the label.
        INSERT INTO role_mappings (group_id, role, organization_id, source, event_id)
        SELECT r.id, CASE r.name WHEN 'Authors' THEN 'author' ELSE 'admin' END,
            r.organization_id, 'default', event
        FROM jsonb_to_recordset(facts -> 'groups') AS r (id text, organization_id text, name text)
        WHERE r.name IN ('Authors', 'Admins')
        ORDER BY r.id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END IF;

    IF facts ? 'removed_groups' THEN
        INSERT INTO directory_groups AS g (id, directory_id, organization_id, removed_at)
        SELECT r.id, r.directory_id, r.organization_id, occurred
        FROM jsonb_to_recordset(facts -> 'removed_groups')
            AS r (id text, directory_id text, organization_id text)
        ORDER BY r.id
        ON CONFLICT (id) DO UPDATE SET removed_at = excluded.removed_at
        WHERE g.removed_at IS NULL OR g.removed_at < excluded.removed_at;
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + CASE WHEN superseded THEN 0 ELSE n END;
    END IF;

    IF facts ? 'memberships' THEN
        INSERT INTO directory_memberships AS e (
            user_id, group_id, directory_id, organization_id, present, occurred_at, event_id
        )
        SELECT m.user_id, r.group_id, r.directory_id, r.organization_id, r.present, occurred, event
        FROM jsonb_to_recordset(facts -> 'memberships') AS r (
            user_id text, user_ids jsonb, group_id text, directory_id text, organization_id text,
            present boolean
        )
        -- One person, or many as a listing has them.
        CROSS JOIN LATERAL (
            SELECT r.user_id WHERE r.user_id IS NOT NULL
            UNION ALL
            SELECT jsonb_array_elements_text(r.user_ids)
        ) m
        ORDER BY m.user_id, r.group_id
        ON CONFLICT (user_id, group_id) DO UPDATE
        SET directory_id = excluded.directory_id, organization_id = excluded.organization_id,
            present = excluded.present, occurred_at = excluded.occurred_at,
            event_id = excluded.event_id
        WHERE (e.occurred_at, e.event_id) < (excluded.occurred_at, excluded.event_id);
        GET DIAGNOSTICS n = ROW_COUNT;
        IF NOT superseded AND NOT EXISTS (
            SELECT FROM directory_users u
            WHERE u.id = facts #>> '{memberships,0,user_id}'
              AND (u.read_as_of, u.read_id) > (occurred, event)
        ) THEN
            written := written + n;
        END IF;
    END IF;

    -- A person was read with all their groups: an older edge that the reading lacks has ended.
    IF facts ? 'read_users' THEN
        UPDATE directory_users u SET read_as_of = occurred, read_id = event
        FROM jsonb_array_elements_text(facts -> 'read_users') AS r (id)
        WHERE u.id = r.id
          AND (u.read_as_of IS NULL OR (u.read_as_of, u.read_id) < (occurred, event));
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END IF;

    RETURN written;
END
$$
