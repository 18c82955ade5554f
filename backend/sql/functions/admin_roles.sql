-- The roles that may administer, as schemas/access.py has them; a test compares the two.
CREATE OR REPLACE FUNCTION admin_roles()
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT '{admin}'::text[]
$$;
