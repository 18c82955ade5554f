-- An event was deleted, or has another time or organization: its hours are counted anew, of whose
-- it was, of whose it is, and nobody's, whose row says that an hour was counted. The lock is that
-- of services/events/hours.py: who counts that hour now may not see what is done here.
CREATE OR REPLACE FUNCTION forget_event_hour()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose text[] := ARRAY[old.organization_id, ''];
    hours timestamptz[] := ARRAY[date_trunc('hour', old.received_at, 'UTC')];
BEGIN
    IF tg_op = 'UPDATE' THEN
        whose := whose || new.organization_id;
        hours := hours || date_trunc('hour', new.received_at, 'UTC');
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
        hashtextextended('event hour ' || extract(epoch FROM h.hour)::bigint, 0)
    )
    FROM unnest(hours) AS h (hour);
    DELETE FROM event_hours AS e
    WHERE e.organization_id = ANY (whose) AND e.hour = ANY (hours);
    RETURN NULL;
END
$$;
