-- What finds the texts that have, for each word of this one, a word that begins with it.
CREATE OR REPLACE FUNCTION beginnings_of(given text)
RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery
FROM unnest(tsvector_to_array(words_of(given))) AS word
$$;
