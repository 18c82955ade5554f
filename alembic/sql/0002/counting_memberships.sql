CREATE OR REPLACE VIEW counting_memberships AS
SELECT e.user_id, e.group_id, u.organization_id, u.account_key, g.name AS group_name
FROM directory_memberships e
JOIN directory_users u ON u.id = e.user_id
JOIN counting_users c ON c.id = u.id
JOIN directory_groups g
  ON g.id = e.group_id
 AND g.directory_id = u.directory_id
 AND g.organization_id = u.organization_id
LEFT JOIN directories d ON d.id = u.directory_id
WHERE e.present
  AND g.occurred_at IS NOT NULL
  AND (
      g.removed_at IS NULL
      OR (g.occurred_at > g.removed_at AND e.occurred_at > g.removed_at)
      OR g.removed_at <= d.complete_as_of
  )
  AND (u.removed_at IS NULL OR e.occurred_at > u.removed_at OR u.removed_at <= d.complete_as_of)
  AND (u.read_as_of IS NULL OR (e.occurred_at, e.event_id) >= (u.read_as_of, u.read_id))
  AND (
      d.removed_at IS NULL
      OR (g.occurred_at > d.removed_at AND e.occurred_at > d.removed_at)
      OR d.removed_at <= d.complete_as_of
  )
  AND (
      d.complete_as_of IS NULL
      OR (
          (g.occurred_at, g.event_id) >= (d.complete_as_of, d.complete_id)
          AND (e.occurred_at, e.event_id) >= (d.complete_as_of, d.complete_id)
      )
  )
