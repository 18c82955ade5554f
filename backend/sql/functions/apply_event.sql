-- One event, one statement: dedupe, merge, inbox and audit; returns the outcome. `event` is of the
-- type EventRow in services/mirror/rows.py; `facts` is NULL where there is nothing to merge.
-- `replayed` is for a replay by hand, noted with the `actor` even when it changed nothing.
CREATE OR REPLACE FUNCTION apply_event(
    event jsonb, body bytea, facts jsonb, audit_id uuid, replayed boolean, actor uuid
)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    new directory_events := jsonb_populate_record(NULL::directory_events, event);
    kept_under text;
    known text;
    with_access boolean;
    written integer := 0;
    before jsonb;
    after jsonb;
BEGIN
    -- What names no organization may name a directory: its administrators are to see it.
    IF new.organization_id = '' AND new.directory_id IS NOT NULL THEN
        SELECT CASE count(*) WHEN 1 THEN min(d.organization_id) ELSE '' END
        INTO new.organization_id
        FROM directories AS d
        WHERE d.id = new.directory_id;
    END IF;
    SELECT e.organization_id, e.outcome INTO kept_under, known
    FROM directory_events AS e
    WHERE e.organization_id = ANY (ARRAY[new.organization_id, '']) AND e.id = new.id
    ORDER BY e.organization_id DESC
    LIMIT 1
    FOR UPDATE;
    IF kept_under <> new.organization_id THEN
        -- It was kept as nobody's while it could not be read.
        UPDATE directory_events AS e SET organization_id = new.organization_id
        WHERE e.organization_id = kept_under AND e.id = new.id;
    END IF;
    IF known <> 'parked' AND NOT replayed THEN
        RETURN 'duplicate';
    END IF;

    IF facts IS NOT NULL THEN
        -- What is noted as before and after must be this event's doing alone.
        IF new.directory_user_id IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(
                hashtextextended(new.organization_id || ' ' || new.directory_user_id, 0)
            );
        END IF;
        with_access := may_change_access(facts);
        before := mirror_state(
            new.organization_id, new.directory_user_id, event ->> 'user_key', new.group_id,
            new.directory_id, with_access
        );
        new.outcome := 'superseded';
        written := merge_facts(facts);
        IF written > 0 THEN
            after := mirror_state(
                new.organization_id, new.directory_user_id, event ->> 'user_key', new.group_id,
                new.directory_id, with_access
            );
            -- What is older than the directory's complete listing, or than the person's snapshot,
            -- is written by its version as ever, but is not live, so that nothing was done; unless
            -- it has taken the place of a newer hint.
            IF (
                coalesce(before #> '{access,active}', 'false'),
                coalesce(before #> '{access,roles}', '[]'),
                coalesce(before #> '{group,live}', 'false'),
                coalesce(before #> '{group,roles}', '[]')
            ) <> (
                coalesce(after #> '{access,active}', 'false'),
                coalesce(after #> '{access,roles}', '[]'),
                coalesce(after #> '{group,live}', 'false'),
                coalesce(after #> '{group,roles}', '[]')
            ) OR NOT EXISTS (
                SELECT FROM directories AS d
                WHERE d.organization_id = new.organization_id AND d.id = new.directory_id
                    AND (d.complete_as_of, d.complete_id) > (new.occurred_at, new.id)
                UNION ALL
                SELECT FROM directory_users AS u
                WHERE u.organization_id = new.organization_id AND u.id = new.directory_user_id
                    AND new.group_id IS NOT NULL
                    AND (u.snapshot_as_of, u.snapshot_id) > (new.occurred_at, new.id)
            ) THEN
                new.outcome := 'applied';
            END IF;
        END IF;
    END IF;

    new.body := body;
    new.received_at := now();
    new.attempts := 1;
    new.next_attempt_at := CASE
        WHEN new.outcome = 'parked' AND body IS NOT NULL THEN now() + interval '1 minute'
    END;
    INSERT INTO directory_events AS e VALUES (new.*)
    -- What was once applied or superseded stays so, whatever a replay finds.
    ON CONFLICT (organization_id, id) DO UPDATE
    SET outcome = CASE
            WHEN excluded.outcome = 'applied' OR e.outcome IN ('parked', 'ignored')
                THEN excluded.outcome
            ELSE e.outcome
        END,
        reason = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.reason END,
        field = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.field END,
        detail = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.detail END,
        type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
        directory_id = excluded.directory_id, directory_user_id = excluded.directory_user_id,
        group_id = excluded.group_id,
        attempts = e.attempts + 1,
        -- Twice as long after each try, a day at most.
        next_attempt_at = CASE
            WHEN excluded.outcome = 'parked' AND excluded.body IS NOT NULL
                AND e.outcome IN ('parked', 'ignored') THEN
                now() + least(interval '1 day', interval '1 minute' * 2 ^ least(e.attempts, 20))
        END
    WHERE e.outcome = 'parked' OR replayed
    RETURNING e.attempts INTO new.attempts;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;

    -- Nothing is written that is not noted, though it be live nowhere.
    IF written > 0 OR replayed THEN
        INSERT INTO audit_events (
            organization_id, id, action, actor_id, event_id, subject_id, detail
        )
        VALUES (
            new.organization_id, audit_id,
            CASE WHEN replayed THEN 'event.replayed' ELSE new.type END, actor, new.id,
            coalesce(
                new.directory_user_id, new.group_id, new.directory_id, new.organization_id
            ),
            jsonb_strip_nulls(jsonb_build_object(
                'outcome', new.outcome, 'reason', new.reason, 'detail', new.detail,
                'source', new.source, 'attempt', new.attempts,
                'group_id', CASE WHEN new.directory_user_id IS NOT NULL THEN new.group_id END,
                'before', CASE WHEN new.outcome = 'applied' THEN before END,
                'after', CASE WHEN new.outcome = 'applied' THEN after END
            ))
        );
    END IF;
    RETURN new.outcome;
END
$$;
