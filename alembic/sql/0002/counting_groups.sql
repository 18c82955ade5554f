-- A group counts as a person does: by its own version.
CREATE VIEW counting_groups AS
SELECT g.id, g.directory_id, g.organization_id, g.name, g.removed_at
FROM directory_groups g
LEFT JOIN directories d ON d.id = g.directory_id
WHERE g.occurred_at IS NOT NULL
  AND (g.removed_at IS NULL OR g.occurred_at > g.removed_at OR g.removed_at <= d.complete_as_of)
  AND (d.removed_at IS NULL OR g.occurred_at > d.removed_at OR d.removed_at <= d.complete_as_of)
  AND (
      d.complete_as_of IS NULL
      OR (g.occurred_at, g.event_id) >= (d.complete_as_of, d.complete_id)
  )
