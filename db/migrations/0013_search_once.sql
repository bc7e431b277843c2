-- Most languages make the same of most words: what they agree on is searched for once. Ranks stay as they are, for they
-- count each word once. In PL/pgSQL, which PostgreSQL calls while it plans; in SQL, no query could be put together without
-- a subquery, which is asked anew for every row.
CREATE OR REPLACE FUNCTION search_query(words text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    config regconfig;
    stems tsquery;
    known tsquery [] := '{}';
    languages int := 0;
    wanted tsquery;
BEGIN
    FOREACH config IN ARRAY
        ARRAY['parley_simple', 'parley_en', 'parley_ru', 'parley_de', 'parley_fr', 'parley_tr']::regconfig []
    LOOP
        stems := websearch_to_tsquery(config, words);
        CONTINUE WHEN numnode(stems) = 0;
        languages := languages + 1;
        IF stems <> ALL (known) THEN
            known := known || stems;
            wanted := coalesce(wanted || stems, stems);
        END IF;
    END LOOP;
    -- what stands alone would be ranked by another rule than what stands beside others
    RETURN CASE WHEN wanted IS NULL THEN stems
                WHEN cardinality(known) = 1 AND languages > 1 THEN wanted || wanted
                ELSE wanted
           END;
END
$$;
