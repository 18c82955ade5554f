-- How many may lose access or a role by a listing without a person's confirming it.
CREATE FUNCTION loss_limit(organization text)
RETURNS integer LANGUAGE sql STABLE AS $$
SELECT greatest(10, count(DISTINCT c.account_key) / 5)::integer
FROM counting_users c
WHERE c.organization_id = organization AND c.state = 'active'
$$
