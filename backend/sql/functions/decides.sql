-- What of a state decides who may do what: an event that changes it was applied.
CREATE OR REPLACE FUNCTION decides(state jsonb)
RETURNS jsonb[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT ARRAY[
    coalesce(state #> '{access,active}', 'false'), coalesce(state #> '{access,roles}', '[]'),
    coalesce(state #> '{group,live}', 'false'), coalesce(state #> '{group,roles}', '[]')
]
$$;
