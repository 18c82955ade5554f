-- For programs of the version before, which are served while a deployment is under way.
CREATE OR REPLACE FUNCTION apply_event(
    event jsonb, body bytea, facts jsonb, audit_id uuid, replayed boolean, actor uuid
)
RETURNS text LANGUAGE sql AS $$
SELECT (apply_events(
    jsonb_build_array(event), ARRAY[event ->> 'user_key'], ARRAY[body], facts, ARRAY[audit_id],
    replayed, actor
))[1]
$$;
