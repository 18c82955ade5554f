CREATE OR REPLACE FUNCTION refuse_change()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The functions that may set it; whoever else does lacks the privilege to change anything.
    IF current_setting('rollcall.audit_change', TRUE) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append only', TG_TABLE_NAME;
END
$$;
