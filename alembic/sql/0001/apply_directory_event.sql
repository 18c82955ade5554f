-- One event, one statement: dedupe, merge, inbox and audit. `again` is for a replay by hand.
CREATE FUNCTION apply_directory_event(
    event_id text, event_type text, event_source text, organization text, directory text,
    occurred timestamptz, raw_body bytea, facts jsonb, unapplied text, problem text,
    audit_id uuid, again boolean
)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    known text;
    result text := unapplied;
BEGIN
    SELECT e.outcome INTO known FROM directory_events e WHERE e.id = event_id FOR UPDATE;
    IF known <> 'parked' AND NOT again THEN
        RETURN 'duplicate';
    END IF;
    IF facts IS NOT NULL THEN
        IF merge_directory_facts(occurred, event_id, facts) > 0 THEN
            result := 'applied';
        ELSE
            result := 'superseded';
        END IF;
    END IF;
    INSERT INTO directory_events AS e (
        id, type, source, organization_id, directory_id, occurred_at, body, outcome, error
    )
    VALUES (
        event_id, event_type, event_source, organization, directory, occurred, raw_body,
        result, problem
    )
    ON CONFLICT (id) DO UPDATE
    SET outcome = CASE WHEN e.outcome = 'applied' THEN e.outcome ELSE excluded.outcome END,
        error = excluded.error, source = excluded.source,
        type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
        organization_id = excluded.organization_id, directory_id = excluded.directory_id,
        attempts = e.attempts + 1
    WHERE e.outcome = 'parked' OR again;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;
    IF result = 'applied' THEN
        INSERT INTO audit_events (id, organization_id, action, event_id)
        VALUES (audit_id, organization, event_type, apply_directory_event.event_id);
    END IF;
    RETURN result;
END
$$
