-- Events, one statement: dedupe, merge, inbox and audit; returns each one's outcome, in order.
-- `events` are of the type EventRow in services/mirror/rows.py; `user_keys`, `bodies` and
-- `audit_ids` are theirs, `facts` those of all of them, NULL where there is nothing to merge.
-- `replayed` is for a replay by hand, noted with the `actor` even when it changed nothing.
-- Several with facts are events about as many people, or as many groups. As what is noted of each
-- must be its own doing alone, an outcome may be NULL: nothing was done, and it is to be sent
-- again, without those that were answered, or by itself where none was.
CREATE OR REPLACE FUNCTION apply_events(
    events jsonb, user_keys text[], bodies bytea[], facts jsonb, audit_ids uuid[],
    replayed boolean, actor uuid
)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    batch directory_events[] := ARRAY(
        SELECT e FROM jsonb_populate_recordset(NULL::directory_events, events) AS e
    );
    outcomes text[] := array_fill(NULL::text, ARRAY[cardinality(batch)]);
    changing text[];
    wrote text[] := '{}';
    before jsonb[];
    after jsonb[];
    keys_before text[] := '{}';
    flipped boolean;
    row record;
BEGIN
    FOR n IN 1 .. cardinality(batch) LOOP
        -- What names no organization may name a directory: its administrators are to see it.
        IF batch[n].organization_id = '' AND batch[n].directory_id IS NOT NULL THEN
            batch[n].organization_id := (
                SELECT CASE count(*) WHEN 1 THEN min(d.organization_id) ELSE '' END
                FROM directories AS d
                WHERE d.id = batch[n].directory_id
            );
        END IF;
    END LOOP;

    IF cardinality(batch) > 1 THEN
        -- Whoever holds one of them up holds up all: soon they are tried each by itself.
        PERFORM set_config('lock_timeout', '250ms', TRUE);
    END IF;
    IF facts IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(subject.hash)
        FROM (
            SELECT DISTINCT
                hashtextextended(e.organization_id || ' ' || e.directory_user_id, 0) AS hash
            FROM unnest(batch) AS e
            WHERE e.directory_user_id IS NOT NULL
            ORDER BY hash
        ) AS subject;
    END IF;

    FOR row IN
        SELECT e.ordinality, e.organization_id, e.id, k.organization_id AS kept_under, k.outcome
        FROM unnest(batch) WITH ORDINALITY AS e
        CROSS JOIN LATERAL (
            SELECT k.organization_id, k.outcome
            FROM directory_events AS k
            WHERE k.organization_id = ANY (ARRAY[e.organization_id, '']) AND k.id = e.id
            ORDER BY k.organization_id DESC
            LIMIT 1
            FOR UPDATE
        ) AS k
    LOOP
        IF row.kept_under <> row.organization_id THEN
            -- It was kept as nobody's while it could not be read.
            UPDATE directory_events AS k SET organization_id = row.organization_id
            WHERE k.organization_id = row.kept_under AND k.id = row.id;
        END IF;
        IF row.outcome <> 'parked' AND NOT replayed THEN
            outcomes[row.ordinality] := 'duplicate';
        END IF;
    END LOOP;
    IF 'duplicate' = ANY (outcomes) THEN
        RETURN outcomes;
    END IF;

    IF facts IS NOT NULL THEN
        IF cardinality(batch) > 1 AND meet(batch, user_keys, facts) THEN
            RETURN outcomes;
        END IF;
        changing := may_change_access(facts);
        before := mirror_states(batch, user_keys, changing);
        IF changing <> '{}' THEN
            keys_before := ARRAY(
                SELECT (
                    SELECT d.user_key FROM directory_users AS d
                    WHERE d.organization_id = e.organization_id AND d.id = e.directory_user_id
                )
                FROM unnest(batch) AS e
            );
        END IF;
        wrote := merge_facts(facts);
        IF wrote <> '{}' THEN
            after := mirror_states(batch, user_keys, changing);
        END IF;
        FOR n IN 1 .. cardinality(keys_before) LOOP
            flipped := before[n] #> '{access,active}' <> after[n] #> '{access,active}';
            IF flipped OR keys_before[n] <> user_keys[n] THEN
                -- Who is let in again, too: a session may have been opened while they went.
                PERFORM end_access(batch[n].organization_id, ARRAY(
                    SELECT u.id FROM users AS u
                    WHERE u.organization_id = batch[n].organization_id
                        AND u.key IN (keys_before[n], user_keys[n])
                        AND (flipped OR NOT (
                            SELECT a.active FROM access AS a
                            WHERE a.organization_id = u.organization_id AND a.user_id = u.id
                        ))
                ));
            END IF;
        END LOOP;
    END IF;

    IF wrote <> '{}' THEN
        -- The last admin may go, where the directory says so; it is not to go unnoticed.
        WITH taking AS MATERIALIZED (
            SELECT e.organization_id, e.id
            FROM unnest(batch) WITH ORDINALITY AS e
            WHERE takes_admin(before[e.ordinality], after[e.ordinality])
        ),

        -- It is asked once of each, and not for each of its events.
        of_them AS MATERIALIZED (
            SELECT DISTINCT t.organization_id FROM taking AS t
        ),

        without_admin AS MATERIALIZED (
            SELECT o.organization_id FROM of_them AS o WHERE NOT has_admin(o.organization_id)
        )

        INSERT INTO audit_events (organization_id, id, action, actor_id, event_id, subject_id)
        SELECT t.organization_id, gen_random_uuid(), 'admins.gone', actor, t.id, t.organization_id
        FROM taking AS t
        INNER JOIN without_admin AS w ON t.organization_id = w.organization_id;
    END IF;

    FOR row IN
        WITH judged AS (
            SELECT
                e.*,
                CASE
                    WHEN facts IS NULL THEN e.outcome
                    -- What is older than the directory's complete listing, or than the person's
                    -- snapshot, is written by its version as ever, but is not live, so that nothing
                    -- was done; unless it has taken the place of a newer hint.
                    WHEN written.written AND (
                        decides(before[e.ordinality]) <> decides(after[e.ordinality])
                        OR (
                            SELECT (d.complete_as_of, d.complete_id) > (e.occurred_at, e.id)
                            FROM directories AS d
                            WHERE d.organization_id = e.organization_id AND d.id = e.directory_id
                        ) IS NOT TRUE AND (
                            SELECT (u.snapshot_as_of, u.snapshot_id) > (e.occurred_at, e.id)
                            FROM directory_users AS u
                            WHERE u.organization_id = e.organization_id
                                AND u.id = e.directory_user_id
                                AND e.group_id IS NOT NULL
                        ) IS NOT TRUE
                    ) THEN 'applied'
                    ELSE 'superseded'
                END AS became,
                written.written
            FROM unnest(batch) WITH ORDINALITY AS e
            CROSS JOIN LATERAL (
                SELECT e.id = ANY (wrote) OR cardinality(batch) = 1 AND wrote <> '{}' AS written
            ) AS written
        ),

        kept AS (
            INSERT INTO directory_events AS k (
                organization_id, id, type, source, directory_id, directory_user_id, group_id,
                occurred_at, body, outcome, reason, field, detail, next_attempt_at
            )
            SELECT
                e.organization_id, e.id, e.type, e.source, e.directory_id, e.directory_user_id,
                e.group_id, e.occurred_at, bodies[e.ordinality], e.became, e.reason, e.field,
                e.detail,
                CASE
                    WHEN e.became = 'parked' AND bodies[e.ordinality] IS NOT NULL
                        THEN now() + interval '1 minute'
                END
            FROM judged AS e
            -- What was once applied or superseded stays so, whatever a replay finds.
            ON CONFLICT (organization_id, id) DO UPDATE
            SET outcome = CASE
                    WHEN excluded.outcome = 'applied' OR k.outcome IN ('parked', 'ignored')
                        THEN excluded.outcome
                    ELSE k.outcome
                END,
                reason = CASE WHEN k.outcome IN ('parked', 'ignored') THEN excluded.reason END,
                field = CASE WHEN k.outcome IN ('parked', 'ignored') THEN excluded.field END,
                detail = CASE WHEN k.outcome IN ('parked', 'ignored') THEN excluded.detail END,
                type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
                directory_id = excluded.directory_id,
                directory_user_id = excluded.directory_user_id, group_id = excluded.group_id,
                attempts = k.attempts + 1,
                -- Twice as long after each try, a day at most.
                next_attempt_at = CASE
                    WHEN excluded.outcome = 'parked' AND excluded.body IS NOT NULL
                        AND k.outcome IN ('parked', 'ignored') THEN
                        now()
                        + least(interval '1 day', interval '1 minute' * 2 ^ least(k.attempts, 20))
                END
            WHERE k.outcome = 'parked' OR replayed
            RETURNING k.id, k.attempts
        ),

        -- Nothing is written that is not noted, though it be live nowhere.
        noted AS (
            INSERT INTO audit_events (
                organization_id, id, action, actor_id, event_id, subject_id, detail
            )
            SELECT
                e.organization_id, audit_ids[e.ordinality],
                CASE WHEN replayed THEN 'event.replayed' ELSE e.type END, actor, e.id,
                coalesce(e.directory_user_id, e.group_id, e.directory_id, e.organization_id),
                jsonb_strip_nulls(jsonb_build_object(
                    'outcome', e.became, 'reason', e.reason, 'detail', e.detail,
                    'source', e.source, 'attempt', kept.attempts,
                    'group_id', CASE WHEN e.directory_user_id IS NOT NULL THEN e.group_id END,
                    'before', CASE WHEN e.became = 'applied' THEN before[e.ordinality] END,
                    'after', CASE WHEN e.became = 'applied' THEN after[e.ordinality] END
                ))
            FROM judged AS e
            INNER JOIN kept ON e.id = kept.id
            WHERE e.written OR replayed
        )

        SELECT e.ordinality, CASE WHEN kept.id IS NULL THEN 'duplicate' ELSE e.became END AS became
        FROM judged AS e
        LEFT JOIN kept ON e.id = kept.id
    LOOP
        outcomes[row.ordinality] := row.became;
    END LOOP;
    RETURN outcomes;
END
$$;
