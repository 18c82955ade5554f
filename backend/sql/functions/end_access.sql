-- What these people hold ends for good, so that it does not come back when they do.
CREATE OR REPLACE FUNCTION end_access(organization text, people uuid[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sessions AS s
    WHERE s.organization_id = organization AND s.user_id = ANY (people);
    DELETE FROM api_tokens AS t
    WHERE t.organization_id = organization AND t.user_id = ANY (people);
    UPDATE invitations AS i
    SET
        closed_at = least(now(), i.expires_at),
        ended_as = CASE WHEN i.expires_at <= now() THEN 'expired' ELSE 'left' END
    WHERE i.organization_id = organization AND i.user_id = ANY (people) AND i.closed_at IS NULL;
END
$$;
