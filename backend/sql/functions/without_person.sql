-- The detail of an entry without the name and the addresses of whom it is about.
CREATE OR REPLACE FUNCTION without_person(detail jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(
    detail,
    '{name}', '"[erased]"', FALSE), '{email}', '"[erased]"', FALSE),
    '{address}', '"[erased]"', FALSE), '{user_agent}', '"[erased]"', FALSE),
    '{before,directory_user,name}', '"[erased]"', FALSE),
    '{before,directory_user,email}', '"[erased]"', FALSE),
    '{after,directory_user,name}', '"[erased]"', FALSE),
    '{after,directory_user,email}', '"[erased]"', FALSE)
$$;
