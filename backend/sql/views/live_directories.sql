CREATE OR REPLACE VIEW live_directories AS
SELECT d.organization_id, d.id, d.name, d.type, d.complete_as_of
FROM directories AS d
WHERE is_live(d.occurred_at, d.event_id, d.removed_at, NULL, d.complete_as_of, d.complete_id);
