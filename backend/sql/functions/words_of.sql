-- The words of a text in the spelling that is looked for, without their places. What is between
-- words is named here: PostgreSQL's parser takes an address for one word, and in a database of the
-- locale C a quotation mark for a letter. A column of posts is made by it: with a change of it,
-- or of folded, write that anew in the same migration. In PL/pgSQL for the same reason.
CREATE OR REPLACE FUNCTION words_of(given text)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN strip(to_tsvector('pg_catalog.simple', regexp_replace(
        folded(given),
        '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B4'
        || '\u00B6-\u00B9\u00BB-\u00BF\u00D7\u00F7\u2000-\u2BFF\u3000-\u3004'
        || '\u3008-\u3020\uFE10-\uFE6F]+',
        ' ', 'g'
    )));
END
$$;
