-- Of `merge_facts`: what is set up in WorkOS's Admin Portal. Each row is a register, and a
-- maximum over versions; returns the ids of the events that wrote one.
CREATE OR REPLACE FUNCTION merge_portal_facts(facts jsonb)
RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    wrote text[] := '{}';
BEGIN
    IF facts ? 'domain_listings' THEN
        WITH written AS (
            INSERT INTO organizations AS o (workos_id, domains_as_of, domains_id)
            SELECT r.organization_id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(
                NULL::organization_domains, facts -> 'domain_listings'
            ) AS r
            ORDER BY r.organization_id
            ON CONFLICT (workos_id) DO UPDATE
            SET domains_as_of = excluded.domains_as_of, domains_id = excluded.domains_id
            WHERE ((o.domains_as_of, o.domains_id)
                < (excluded.domains_as_of, excluded.domains_id)) IS NOT FALSE
            RETURNING o.domains_id
        )
        SELECT wrote || coalesce(array_agg(w.domains_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'domains' THEN
        WITH written AS (
            INSERT INTO organization_domains AS d (
                organization_id, id, domain, state, occurred_at, event_id
            )
            SELECT r.organization_id, r.id, r.domain, r.state, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::organization_domains, facts -> 'domains') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET domain = excluded.domain, state = excluded.state,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE (d.occurred_at, d.event_id) < (excluded.occurred_at, excluded.event_id)
            RETURNING d.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'connections' THEN
        WITH written AS (
            INSERT INTO connections AS c (
                organization_id, id, name, state, occurred_at, event_id
            )
            SELECT r.organization_id, r.id, r.name, r.state, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::connections, facts -> 'connections') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET name = excluded.name, state = excluded.state,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE (c.occurred_at, c.event_id) < (excluded.occurred_at, excluded.event_id)
            RETURNING c.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'certificates' THEN
        WITH written AS (
            INSERT INTO connection_certificates AS c (
                organization_id, connection_id, due, expires_at, occurred_at, event_id
            )
            SELECT
                r.organization_id, r.connection_id, r.due, r.expires_at, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(
                NULL::connection_certificates, facts -> 'certificates'
            ) AS r
            ORDER BY r.organization_id, r.connection_id
            ON CONFLICT (organization_id, connection_id) DO UPDATE
            SET due = excluded.due, expires_at = excluded.expires_at,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE (c.occurred_at, c.event_id) < (excluded.occurred_at, excluded.event_id)
            RETURNING c.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;

    IF facts ? 'directory_tokens' THEN
        WITH written AS (
            INSERT INTO directory_tokens AS t (
                organization_id, id, directory_id, revoked, occurred_at, event_id
            )
            SELECT r.organization_id, r.id, r.directory_id, r.revoked, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_tokens, facts -> 'directory_tokens') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET directory_id = excluded.directory_id, revoked = excluded.revoked,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE (t.occurred_at, t.event_id) < (excluded.occurred_at, excluded.event_id)
            RETURNING t.event_id
        )
        SELECT wrote || coalesce(array_agg(w.event_id), '{}') INTO wrote FROM written AS w;
    END IF;
    RETURN wrote;
END
$$;
