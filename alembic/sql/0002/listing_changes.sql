-- By field of `listed`: what was held, what is listed, where they differ.
CREATE FUNCTION listing_changes(held jsonb, listed jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(jsonb_object_agg(f.key, jsonb_build_array(held -> f.key, f.value)), '{}')
FROM jsonb_each(listed) f
WHERE f.value IS DISTINCT FROM coalesce(held -> f.key, 'null')
$$
