CREATE OR REPLACE VIEW counting_memberships AS
SELECT e.user_id, e.group_id, c.organization_id, c.account_key, g.name AS group_name, c.state,
    c.directory_id
FROM directory_memberships e
JOIN counting_users c ON c.id = e.user_id
JOIN directory_groups g
  ON g.id = e.group_id
 AND g.directory_id = c.directory_id
 AND g.organization_id = c.organization_id
WHERE e.present
  AND g.occurred_at IS NOT NULL
  AND (
      g.removed_at IS NULL
      OR (g.occurred_at > g.removed_at AND e.occurred_at > g.removed_at)
      OR g.removed_at <= c.complete_as_of
  )
  AND (c.removed_at IS NULL OR e.occurred_at > c.removed_at OR c.removed_at <= c.complete_as_of)
  AND (c.read_as_of IS NULL OR (e.occurred_at, e.event_id) >= (c.read_as_of, c.read_id))
  AND (
      c.directory_removed_at IS NULL
      OR (g.occurred_at > c.directory_removed_at AND e.occurred_at > c.directory_removed_at)
      OR c.directory_removed_at <= c.complete_as_of
  )
  AND (
      c.complete_as_of IS NULL
      OR (
          (g.occurred_at, g.event_id) >= (c.complete_as_of, c.complete_id)
          AND (e.occurred_at, e.event_id) >= (c.complete_as_of, c.complete_id)
      )
  )
