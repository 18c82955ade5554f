-- Erase a person's name and addresses from an organization's audit trail: of the user `person`, and
-- of refused sign-ins under `address`. How many entries.
-- By the owner's rights, for the role that serves may change no entry. It can do nothing else by
-- this: what is written is fixed, the hashes from before are kept, and `erasure` notes it.
CREATE OR REPLACE FUNCTION erase_from_audit(
    organization text, person uuid, address text, actor uuid, erasure uuid
)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    changed bigint;
    digest bytea;
BEGIN
    -- Of two at once the second is to find the hashes that the first has left.
    PERFORM pg_advisory_xact_lock(hashtextextended('erase from audit ' || organization, 0));

    PERFORM set_config('rollcall.audit_change', 'on', TRUE);
    WITH found AS (
        SELECT e.id, audit_leaf(e) AS before
        FROM audit_events AS e
        WHERE e.organization_id = organization
            AND e.subject_id IN (
                SELECT person::text
                UNION ALL
                SELECT d.id
                FROM users AS u
                INNER JOIN directory_users AS d
                    ON u.organization_id = d.organization_id AND u.key = d.user_key
                WHERE u.organization_id = organization AND u.id = person
            )
            AND without_person(e.detail) <> e.detail
        UNION
        SELECT e.id, audit_leaf(e)
        FROM audit_events AS e
        WHERE e.organization_id = organization
            AND e.action = 'sign_in.refused'
            AND lower(e.detail ->> 'email') = lower(address)
    ),

    written AS (
        UPDATE audit_events AS e
        SET detail = without_person(e.detail), salt = gen_random_uuid()
        FROM found
        WHERE e.organization_id = organization AND e.id = found.id
        RETURNING e.id, found.before, audit_leaf(e) AS after
    ),

    kept AS (
        INSERT INTO audit_erasures AS k (organization_id, erasure_id, entry_id, before, after)
        SELECT organization, erasure, w.id, w.before, w.after
        FROM written AS w
        RETURNING k.entry_id, k.before, k.after
    )

    SELECT
        count(*),
        sha256(coalesce(
            string_agg(uuid_send(k.entry_id) || k.before || k.after, '' ORDER BY k.entry_id), ''
        ))
    INTO changed, digest
    FROM kept AS k;
    PERFORM set_config('rollcall.audit_change', 'off', TRUE);

    INSERT INTO audit_events (organization_id, id, action, actor_id, subject_id, detail)
    VALUES (
        organization, erasure, 'audit.erased', actor, person::text,
        jsonb_build_object('entries', changed, 'digest', encode(digest, 'hex'))
    );
    RETURN changed;
END
$$;
