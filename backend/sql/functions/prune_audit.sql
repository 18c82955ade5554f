-- Remove the oldest sealed range of an organization's audit trail if its time is over: the number
-- of the seal, NULL if there is none, and how many entries. The newest seal stays: the next one
-- goes on from it.
-- By the owner's rights, for the role that serves may delete no entry. It can do nothing else by
-- this: nothing goes that is younger than 30 days, nor than the organization's setting.
CREATE OR REPLACE FUNCTION prune_audit(
    organization text, OUT seal bigint, OUT entries bigint
)
RETURNS record LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    days integer;
    over audit_seals;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('seal audit ' || organization, 0));
    IF organization = '' THEN
        -- What is of no organization stays as long as the longest of all says.
        SELECT CASE WHEN bool_and(o.audit_days IS NOT NULL) THEN max(o.audit_days) END
        INTO days
        FROM organizations AS o;
    ELSE
        SELECT o.audit_days INTO days FROM organizations AS o WHERE o.workos_id = organization;
    END IF;

    SELECT s.*
    INTO over
    FROM audit_seals AS s
    WHERE s.organization_id = organization
        AND s.to_at < now() - make_interval(days => greatest(days, 30))
        AND days IS NOT NULL
        AND s.number < (
            SELECT max(k.number) FROM audit_seals AS k WHERE k.organization_id = organization
        )
    ORDER BY s.number
    LIMIT 1;
    IF over.number IS NULL THEN
        RETURN;
    END IF;

    PERFORM set_config('rollcall.audit_change', 'on', TRUE);
    WITH gone AS (
        DELETE FROM audit_events AS e
        WHERE e.organization_id = organization AND e.at <= over.to_at
        RETURNING e.id
    ),

    hashes AS (
        DELETE FROM audit_erasures AS x
        USING gone
        WHERE x.organization_id = organization AND x.erasure_id = gone.id
    )

    SELECT over.number, count(*) INTO seal, entries FROM gone;
    DELETE FROM audit_seals AS s
    WHERE s.organization_id = organization AND s.number = over.number;
    PERFORM set_config('rollcall.audit_change', 'off', TRUE);
END
$$;
