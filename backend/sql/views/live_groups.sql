CREATE OR REPLACE VIEW live_groups AS
SELECT
    g.organization_id, g.id, g.directory_id, g.name, g.occurred_at, g.event_id, g.removed_at,
    g.sort_name
FROM directory_groups AS g
LEFT JOIN directories AS d
    ON g.organization_id = d.organization_id AND g.directory_id = d.id
WHERE is_live(
        g.occurred_at, g.event_id, g.removed_at, d.removed_at, d.complete_as_of, d.complete_id
    );
