-- Why: a query and a subtransaction of its own for every row took longer than its words. What surely fits into a vector,
-- in the usual languages, is said in one expression, which the planner puts in the place of the call. The order of the
-- texts is that of before, so no vector changes.

CREATE FUNCTION search_vector_of_much(texts jsonb) RETURNS tsvector
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT search_vectors(CASE key WHEN 'name' THEN setweight(to_tsvector('parley_simple', value), 'A')
                                           ELSE to_tsvector(search_config(key), value)
                                  END ORDER BY key)
              FROM jsonb_each_text(texts));
EXCEPTION
    WHEN program_limit_exceeded THEN
        RETURN (SELECT search_vector_of_much(jsonb_object_agg(key, left(value, length(value) / 2)))
                  FROM jsonb_each_text(texts));
END
$$;

CREATE OR REPLACE FUNCTION search_vector(texts jsonb) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN pg_column_size(texts) < 20000 AND texts - '{"",de,en,fr,name,ru,tr,uk}'::text [] = '{}' THEN
        to_tsvector('parley_simple', coalesce(texts ->> '', ''))
        || to_tsvector('parley_de', coalesce(texts ->> 'de', ''))
        || to_tsvector('parley_en', coalesce(texts ->> 'en', ''))
        || to_tsvector('parley_fr', coalesce(texts ->> 'fr', ''))
        || setweight(to_tsvector('parley_simple', coalesce(texts ->> 'name', '')), 'A')
        || to_tsvector('parley_ru', coalesce(texts ->> 'ru', ''))
        || to_tsvector('parley_tr', coalesce(texts ->> 'tr', ''))
        || to_tsvector('parley_simple', coalesce(texts ->> 'uk', ''))
    ELSE search_vector_of_much(texts)
END;
