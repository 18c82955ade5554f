-- A name or an address as it is looked for and sorted by: in one spelling (NFKD), without accents
-- and capitals. Letters that no accent makes are spelt out, and those that lower() leaves alone in
-- a database of the locale C; one apostrophe and one hyphen stand for all. Sorting by it needs no
-- ICU, which not every PostgreSQL has. Columns of users are made by it: with a change of it, write
-- them anew in the same migration, as the one that added them does. In PL/pgSQL, which is read
-- once a session: a body in SQL is put in the place of the call, and read anew by every statement
-- that writes such a column.
CREATE OR REPLACE FUNCTION folded(given text)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF octet_length(given) = length(given) THEN
        RETURN lower(given);
    END IF;
    RETURN replace(replace(replace(replace(
        translate(
            lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036F]', '', 'g')),
            'ÆŒÞẞςıøØłŁđĐðÐħĦ' || 'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ'
            || 'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЄЂЈЉЊЋЏҐ‘’ʼ‐–',
            'æœþßσioollddddhh' || 'αβγδεζηθικλμνξοπρστυφχψω'
            || 'абвгдежзиклмнопрстуфхцчшщъыьэюяієђјљњћџґ''''''--'
        ),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
END
$$;
