-- Access is derived, never stored (invariant 1): counting_users, counting_memberships and access
-- are its one definition.
-- Nothing cascades: a row counts only when its own version is newer than the removal of
-- everything above it, and no older than the last complete listing of its directory. A removal
-- that is not newer than that listing is superseded by it.
-- It carries what counting_memberships asks of the person and the directory: were they joined
-- again there, `access` would join more tables than the planner reorders (collapse limits, 8), and
-- it read every person to find one.
CREATE OR REPLACE VIEW counting_users AS
SELECT u.id, u.directory_id, u.organization_id, u.account_key, u.email, u.state,
    u.removed_at, u.read_as_of, u.read_id,
    d.removed_at AS directory_removed_at, d.complete_as_of, d.complete_id
FROM directory_users u
LEFT JOIN directories d ON d.id = u.directory_id
WHERE u.occurred_at IS NOT NULL
  AND (u.removed_at IS NULL OR u.occurred_at > u.removed_at OR u.removed_at <= d.complete_as_of)
  AND (d.removed_at IS NULL OR u.occurred_at > d.removed_at OR d.removed_at <= d.complete_as_of)
  AND (
      d.complete_as_of IS NULL
      OR (u.occurred_at, u.event_id) >= (d.complete_as_of, d.complete_id)
  )
  -- Of namesakes (one person rehired under a new id) only the newest counts. They are found by
  -- idp_id alone, the one comparison with an index: by another's, all of a directory may be read.
  AND NOT EXISTS (
      SELECT FROM directory_users n
      WHERE n.idp_id = u.idp_id
        AND u.idp_id <> ''
        AND n.directory_id IS NOT DISTINCT FROM u.directory_id
        AND n.organization_id IS NOT DISTINCT FROM u.organization_id
        AND (n.occurred_at, n.event_id, n.id) > (u.occurred_at, u.event_id, u.id)
  )
