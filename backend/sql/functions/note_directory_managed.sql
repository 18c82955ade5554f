-- Whatever it was that told of a directory: an event, a snapshot or a sign-in.
CREATE OR REPLACE FUNCTION note_directory_managed()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_events (organization_id, id, action, subject_id)
    VALUES (
        new.workos_id, gen_random_uuid(), 'organization.directory_managed', new.workos_id
    );
    RETURN NULL;
END
$$;
