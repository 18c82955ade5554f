-- Whether something in the mirror is live. Nothing cascades: its own version must be newer than the
-- removal of itself and of its directory, and no older than the last complete listing of the
-- directory. A removal that is not newer than that listing is superseded by it.
-- In one expression, so that the planner puts it in the place of the call.
CREATE OR REPLACE FUNCTION is_live(
    occurred_at timestamptz, event_id text, removed_at timestamptz,
    directory_removed_at timestamptz, complete_as_of timestamptz, complete_id text
)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT occurred_at IS NOT NULL
    AND (
        removed_at IS NULL OR occurred_at > removed_at
        OR coalesce(removed_at <= complete_as_of, false)
    )
    AND (
        directory_removed_at IS NULL OR occurred_at > directory_removed_at
        OR coalesce(directory_removed_at <= complete_as_of, false)
    )
    AND (complete_as_of IS NULL OR (occurred_at, event_id) >= (complete_as_of, complete_id))
$$;
