-- A reading of one person from WorkOS's API, merged; noted where it changed how they stand.
CREATE FUNCTION merge_directory_reading(
    reading_id text, person text, organization text, occurred timestamptz, facts jsonb,
    audit_id uuid
)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    account_key text := coalesce(nullif(facts #>> '{users,0,idp_id}', ''), person);
    before jsonb;
    after jsonb;
    written integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(person, 0));
    before := directory_standing(person, NULL, NULL, true, organization, account_key);
    written := merge_directory_facts(occurred, reading_id, facts);
    after := directory_standing(person, NULL, NULL, true, organization, account_key);
    IF before <> after THEN
        INSERT INTO audit_events (id, organization_id, action, event_id, subject_id, detail)
        VALUES (
            audit_id, organization, 'reading.person', reading_id, person,
            jsonb_build_object('before', before, 'after', after)
        );
    END IF;
    RETURN written;
END
$$
