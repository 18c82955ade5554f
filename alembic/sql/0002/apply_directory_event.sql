-- One event, one statement: dedupe, merge, inbox and audit. `again` is for a replay by hand, which
-- is noted with the `actor` even when it changed nothing.
CREATE FUNCTION apply_directory_event(
    event_id text, event_type text, event_source text, organization text, directory text,
    person text, grp text, occurred timestamptz, raw_body bytea, facts jsonb, unapplied text,
    problem text, audit_id uuid, again boolean, actor uuid
)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    known text;
    result text := unapplied;
    touches_access boolean;
    account_key text := coalesce(nullif(facts #>> '{users,0,idp_id}', ''), person);
    before jsonb;
    after jsonb;
    tries integer;
BEGIN
    SELECT e.outcome INTO known FROM directory_events e WHERE e.id = event_id FOR UPDATE;
    IF known <> 'parked' AND NOT again THEN
        RETURN 'duplicate';
    END IF;
    -- Data that names no organization may name a directory: its administrators are to see it.
    IF organization IS NULL AND directory IS NOT NULL THEN
        SELECT d.organization_id INTO organization FROM directories d WHERE d.id = directory;
    END IF;
    IF facts IS NOT NULL THEN
        -- What is noted as before and after must be this event's doing alone.
        IF person IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtextextended(person, 0));
        END IF;
        touches_access := may_change_access(person, grp, facts);
        before := directory_standing(
            person, grp, directory, touches_access, organization, account_key
        );
        IF merge_directory_facts(occurred, event_id, facts) > 0 THEN
            result := 'applied';
            after := directory_standing(
                person, grp, directory, touches_access, organization, account_key
            );
        ELSE
            result := 'superseded';
        END IF;
    END IF;
    INSERT INTO directory_events AS e (
        id, type, source, organization_id, directory_id, user_id, group_id, occurred_at, body,
        outcome, error, next_attempt_at
    )
    VALUES (
        event_id, event_type, event_source, organization, directory, person, grp, occurred,
        raw_body, result, problem,
        CASE WHEN result = 'parked' THEN now() + interval '1 minute' END
    )
    -- What was once applied or superseded stays so, whatever a replay finds.
    ON CONFLICT (id) DO UPDATE
    SET outcome = CASE
            WHEN excluded.outcome = 'applied' OR e.outcome IN ('parked', 'ignored')
            THEN excluded.outcome
            ELSE e.outcome
        END,
        error = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.error END,
        type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
        organization_id = excluded.organization_id, directory_id = excluded.directory_id,
        user_id = excluded.user_id, group_id = excluded.group_id,
        attempts = e.attempts + 1,
        -- Twice as long after each try, a day at most.
        next_attempt_at = CASE
            WHEN excluded.outcome = 'parked' AND e.outcome IN ('parked', 'ignored') THEN
                now() + least(interval '1 day', interval '1 minute' * 2 ^ least(e.attempts, 20))
        END
    WHERE e.outcome = 'parked' OR again
    RETURNING e.attempts INTO tries;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;
    IF result = 'applied' OR again THEN
        INSERT INTO audit_events (
            id, organization_id, action, actor_id, event_id, subject_id, detail
        )
        VALUES (
            audit_id, organization, CASE WHEN again THEN 'event.replayed' ELSE event_type END,
            actor, apply_directory_event.event_id, coalesce(person, grp, directory, organization),
            jsonb_strip_nulls(jsonb_build_object(
                'outcome', result, 'error', problem, 'source', event_source, 'attempt', tries,
                'group_id', CASE WHEN person IS NOT NULL THEN grp END,
                'before', CASE WHEN result = 'applied' THEN before END,
                'after', after
            ))
        );
    END IF;
    RETURN result;
END
$$
