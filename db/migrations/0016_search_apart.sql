-- outside a transaction
-- Why: statements, of which there are most and whose words others use too, get an index of their own: a search in them
-- looks at no other row. And what each language makes of the words is looked for by itself, `search @@ ANY
-- (search_queries(…))`: some short intersections take less than one of alternatives. Together a third less time.
-- Words of new rows wait in a list, which every search reads to its end, and which some writer empties once it is full:
-- of 4 MB, that one and all behind him wait 150 ms. Here it is 1 MB.
-- The old index serves until its followers are there. What a stopped run left half built, IF NOT EXISTS would take for
-- built; here it is built anew.
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, prefer-robust-stmts

CREATE OR REPLACE FUNCTION search_queries(words text) RETURNS tsquery []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    config regconfig;
    stems tsquery;
    known tsquery [] := '{}';
BEGIN
    FOREACH config IN ARRAY
        ARRAY['parley_simple', 'parley_en', 'parley_ru', 'parley_de', 'parley_fr', 'parley_tr']::regconfig []
    LOOP
        stems := websearch_to_tsquery(config, words);
        IF numnode(stems) > 0 AND stems <> ALL (known) THEN
            known := known || stems;
        END IF;
    END LOOP;
    RETURN known;
END
$$;

CREATE OR REPLACE FUNCTION search_query(words text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    known tsquery [] := search_queries(words);
    stems tsquery;
    wanted tsquery := known[1];
BEGIN
    -- what stands alone would be ranked by another rule than what stands beside others
    FOREACH stems IN ARRAY CASE WHEN cardinality(known) = 1 THEN known ELSE known[2:] END LOOP
        wanted := wanted || stems;
    END LOOP;
    RETURN coalesce(wanted, '');
END
$$;

DROP INDEX CONCURRENTLY IF EXISTS served_search_statements;
CREATE INDEX CONCURRENTLY served_search_statements ON served
USING gin (search) WITH (gin_pending_list_limit = 1024) WHERE type = 'statement';
DROP INDEX CONCURRENTLY IF EXISTS served_search_others;
CREATE INDEX CONCURRENTLY served_search_others ON served
USING gin (search) WITH (gin_pending_list_limit = 1024) WHERE type <> 'statement';
DROP INDEX CONCURRENTLY IF EXISTS served_search;
