-- Whether what was done took somebody's right to administer, or may have: by the states of its
-- subject before and after, as `mirror_states` has them.
CREATE OR REPLACE FUNCTION takes_admin(before jsonb, after jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT coalesce(before #> '{access,roles}' ?| admin_roles(), FALSE)
    AND NOT coalesce(after #> '{access,roles}' ?| admin_roles(), FALSE)
    OR coalesce((before #> '{group,live}')::boolean, FALSE)
    AND coalesce(before #> '{group,roles}' ?| admin_roles(), FALSE)
    AND NOT coalesce((after #> '{group,live}')::boolean, FALSE)
    OR coalesce((before #> '{directory,live}')::boolean, FALSE)
    AND NOT coalesce((after #> '{directory,live}')::boolean, FALSE)
$$;
