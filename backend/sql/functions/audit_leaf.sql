-- The hash of an entry of the audit trail; the salt keeps anybody from guessing what it said.
CREATE OR REPLACE FUNCTION audit_leaf(entry audit_events)
RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT sha256(convert_to(
    coalesce(entry.salt::text, '') || jsonb_build_array(
        entry.organization_id, entry.id,
        to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        entry.action, entry.actor_id, entry.event_id, entry.subject_id, entry.detail
    )::text,
    'UTF8'
))
$$;
