-- One event, one statement: dedupe, merge, inbox and audit. `again` is for a replay.
CREATE FUNCTION apply_directory_event(
    event_id text, event_type text, event_source text, organization text, directory text,
    person text, grp text, occurred timestamptz, raw_body bytea, facts jsonb, unapplied text,
    problem text, audit_id uuid, again boolean
)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    known text;
    result text := unapplied;
    before jsonb;
BEGIN
    SELECT e.outcome INTO known FROM directory_events e WHERE e.id = event_id FOR UPDATE;
    IF known <> 'parked' AND NOT again THEN
        RETURN 'duplicate';
    END IF;
    IF facts IS NOT NULL THEN
        -- What is noted as before and after must be this event's doing alone.
        IF person IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtextextended(person, 0));
        END IF;
        before := directory_standing(person, grp, directory);
        IF merge_directory_facts(occurred, event_id, facts) > 0 THEN
            result := 'applied';
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
    ON CONFLICT (id) DO UPDATE
    SET outcome = CASE WHEN e.outcome = 'applied' THEN e.outcome ELSE excluded.outcome END,
        error = excluded.error, source = excluded.source,
        type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
        organization_id = excluded.organization_id, directory_id = excluded.directory_id,
        user_id = excluded.user_id, group_id = excluded.group_id,
        attempts = e.attempts + 1,
        -- Twice as long after each try, a day at most.
        next_attempt_at = CASE WHEN excluded.outcome = 'parked' THEN
            now() + least(interval '1 day', interval '1 minute' * 2 ^ least(e.attempts, 20))
        END
    WHERE e.outcome = 'parked' OR again;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;
    IF result = 'applied' THEN
        INSERT INTO audit_events (id, organization_id, action, event_id, subject_id, detail)
        VALUES (
            audit_id, organization, event_type, apply_directory_event.event_id,
            coalesce(person, grp, directory),
            jsonb_strip_nulls(jsonb_build_object(
                'group_id', CASE WHEN person IS NOT NULL THEN grp END,
                'before', before,
                'after', directory_standing(person, grp, directory)
            ))
        );
    END IF;
    RETURN result;
END
$$
