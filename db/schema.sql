CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS fuzzystrmatch WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

CREATE FUNCTION public.ids(wanted text, names text[]) RETURNS uuid[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
BEGIN
    RETURN ARRAY(
        SELECT coalesce(r.merged_into, r.id)
          FROM unnest(names) AS n (name)
          JOIN records AS r
            ON r.id = CASE WHEN n.name ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$' THEN n.name::uuid END
         UNION
        SELECT coalesce(r.merged_into, r.id)
          FROM unnest(names) AS n (name)
          JOIN identifiers AS i
            ON i.scheme = split_part(n.name, ':', 1)
           AND i.identifier = substr(n.name, strpos(n.name, ':') + 1)
           AND i.type = ANY (string_to_array(wanted, ' '))
           AND i.to_position IS NULL
          JOIN records AS r ON r.id = i.id
    );
END
$_$;

CREATE FUNCTION public.any_ids(names text[]) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN public.ids('process round delegation statement pledge transaction meeting document claim actor person source'::text, names);

CREATE FUNCTION public.best_text(texts json, ranges text[], allow_machine boolean) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT t.entry FROM (json_array_elements(best_text.texts) WITH ORDINALITY t(entry, place) CROSS JOIN LATERAL (SELECT (lower((t.entry ->> 'lang'::text)) || '-'::text) AS tag, (t.entry ->> 'translation'::text) AS translation) l) WHERE ((best_text.allow_machine IS NOT FALSE) OR (l.translation IS DISTINCT FROM 'machine'::text)) ORDER BY (SELECT min(ARRAY[r.place, ((- length(l.tag)))::bigint]) AS min FROM unnest(best_text.ranges) WITH ORDINALITY r(range, place) WHERE starts_with((lower(r.range) || '-'::text), l.tag)), (SELECT min(r.place) AS min FROM unnest(best_text.ranges) WITH ORDINALITY r(range, place) WHERE starts_with(l.tag, (lower(r.range) || '-'::text))), (COALESCE((t.entry ->> 'original'::text), ''::text) <> 'true'::text), ((l.translation = 'machine'::text) IS TRUE), ((l.translation = 'machine_post_edited'::text) IS TRUE), t.place LIMIT 1);

CREATE FUNCTION public.contested(entries jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(jsonb_agg(('/'::text || jsonb_each.key) ORDER BY jsonb_each.key), '[]'::jsonb) AS "coalesce" FROM jsonb_each(contested.entries) jsonb_each(key, value) WHERE ((jsonb_each.value ->> 'by'::text) = 'claims'::text));

CREATE FUNCTION public.first_day(value jsonb) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ->> 'earliest'::text))::date;

CREATE TEXT SEARCH CONFIGURATION public.parley_de (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR asciiword WITH german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR word WITH public.unaccent, german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR hword_part WITH public.unaccent, german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR hword_asciipart WITH german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR asciihword WITH german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR hword WITH public.unaccent, german_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_de
    ADD MAPPING FOR uint WITH simple;

CREATE TEXT SEARCH CONFIGURATION public.parley_en (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR asciiword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR word WITH public.unaccent, english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR hword_part WITH public.unaccent, english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR hword_asciipart WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR asciihword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR hword WITH public.unaccent, english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_en
    ADD MAPPING FOR uint WITH simple;

CREATE TEXT SEARCH CONFIGURATION public.parley_fr (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR asciiword WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR word WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR hword_part WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR hword_asciipart WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR asciihword WITH french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR hword WITH public.unaccent, french_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_fr
    ADD MAPPING FOR uint WITH simple;

CREATE TEXT SEARCH CONFIGURATION public.parley_ru (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR asciiword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR word WITH public.unaccent, russian_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR hword_part WITH public.unaccent, russian_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR hword_asciipart WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR asciihword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR hword WITH public.unaccent, russian_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_ru
    ADD MAPPING FOR uint WITH simple;

CREATE TEXT SEARCH CONFIGURATION public.parley_simple (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR asciiword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR word WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR hword_part WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR hword_asciipart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR asciihword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR hword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_simple
    ADD MAPPING FOR uint WITH simple;

CREATE TEXT SEARCH CONFIGURATION public.parley_tr (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR asciiword WITH turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR word WITH public.unaccent, turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR hword_part WITH public.unaccent, turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR hword_asciipart WITH turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR asciihword WITH turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR hword WITH public.unaccent, turkish_stem;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.parley_tr
    ADD MAPPING FOR uint WITH simple;

CREATE FUNCTION public.search_config(lang text) RETURNS regconfig
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE split_part(lower(lang), '-'::text, 1) WHEN 'en'::text THEN 'public.parley_en'::regconfig WHEN 'ru'::text THEN 'public.parley_ru'::regconfig WHEN 'de'::text THEN 'public.parley_de'::regconfig WHEN 'fr'::text THEN 'public.parley_fr'::regconfig WHEN 'tr'::text THEN 'public.parley_tr'::regconfig ELSE 'public.parley_simple'::regconfig END;

CREATE FUNCTION public.search_query(words text) RETURNS tsquery
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

CREATE FUNCTION public.highlights(doc text, words text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(json_agg(found.passage), '[]'::json) AS "coalesce" FROM (SELECT marked.passage FROM ((jsonb_path_query((highlights.doc)::jsonb, 'strict $.**?(@.type() == "object")'::jsonpath) WITH ORDINALITY o(part, place) CROSS JOIN LATERAL jsonb_each(o.part) WITH ORDINALITY f(key, value, place)) CROSS JOIN LATERAL (SELECT ts_headline(public.search_config(COALESCE((o.part ->> 'lang'::text), 'en'::text)), replace(replace(replace(replace((f.value #>> '{}'::text[]), '&'::text, '&amp;'::text), '<'::text, '&lt;'::text), '>'::text, '&gt;'::text), '"'::text, '&quot;'::text), (regexp_replace((public.search_query(highlights.words))::text, ' (&|<->|<\d+>) '::text, ' | '::text, 'g'::text))::tsquery, ('StartSel=<mark>, StopSel=</mark>, ShortWord=0, '::text || CASE WHEN (length((f.value #>> '{}'::text[])) <= 250) THEN 'HighlightAll=true'::text ELSE 'MaxFragments=1, MinWords=10, MaxWords=30'::text END)) AS passage) marked) WHERE ((jsonb_typeof(f.value) = 'string'::text) AND (f.key = ANY ('{name,title,text,summary,note,description,purpose,position,raw_name,attribution_text,composition_note,timing_text,designation,locator}'::text[])) AND ((o.part ? 'version'::text) OR (NOT (o.part ? 'identifiers'::text))) AND (marked.passage ~~ '%<mark>%'::text)) ORDER BY o.place, f.place LIMIT 3) found);

CREATE FUNCTION public.ids_at(at bigint, wanted text, names text[]) RETURNS uuid[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET plan_cache_mode TO 'force_generic_plan'
    AS $_$
BEGIN
    RETURN ARRAY(
        WITH RECURSIVE found (id) AS (
            SELECT n.name::uuid
              FROM unnest(names) AS n (name)
             WHERE n.name ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'
             UNION ALL
            SELECT i.id
              FROM unnest(names) AS n (name)
              JOIN identifiers AS i
                ON i.scheme = split_part(n.name, ':', 1)
               AND i.identifier = substr(n.name, strpos(n.name, ':') + 1)
               AND i.type = ANY (string_to_array(wanted, ' '))
               AND i.from_position <= at
               AND (i.to_position IS NULL OR i.to_position > at)
        ), walk (id) AS (
            SELECT f.id FROM found AS f
             UNION
            SELECT m.merged_into
              FROM walk AS w
              JOIN revisions AS m
                ON m.id = w.id
               AND m.op = 'merged'
               AND m.position <= at
        )
        SELECT w.id
          FROM walk AS w
         WHERE NOT EXISTS (
                   SELECT FROM revisions AS m
                    WHERE m.id = w.id
                      AND m.op = 'merged'
                      AND m.position <= at
               )
    );
END
$_$;

CREATE FUNCTION public.is_certain(value jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(((value ->> 'certain'::text))::boolean, false);

CREATE FUNCTION public.last_day(value jsonb) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ->> 'latest'::text))::date;

CREATE FUNCTION public.name_score(query text, spellings text) RETURNS real
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
DECLARE
    form text;
    spelling text;
    typed text;
    word text;
    heard text;
    said text;
    distance integer;
    score real;
    best real;
    total real;
    words integer;
    answer real := 0;
BEGIN
    FOREACH form IN ARRAY string_to_array(query, ' | ') LOOP
        FOREACH spelling IN ARRAY string_to_array(btrim(spellings), ' | ') LOOP
            IF form = spelling THEN
                RETURN 1;
            END IF;
            best := 0;
            total := 0;
            words := 0;
            FOREACH typed IN ARRAY string_to_array(form, ' ') LOOP
                best := 0;
                heard := translate(typed, 'yg', 'ih');
                FOREACH word IN ARRAY string_to_array(spelling, ' ') LOOP
                    score := 0;
                    IF typed = word THEN
                        score := 1;
                    ELSIF length(typed) >= 3 AND starts_with(word, typed) THEN
                        score := 0.9;
                    -- the limits also keep levenshtein from failing: it takes 255 characters at most
                    ELSIF length(typed) BETWEEN 4 AND 100 AND abs(length(typed) - length(word)) <= 2 THEN
                        said := translate(word, 'yg', 'ih');
                        distance := levenshtein_less_equal(heard, said, 2);
                        IF distance = 0 THEN
                            score := 0.85;
                        ELSIF distance = 1 THEN
                            score := 0.8;
                        ELSIF distance = 2 THEN
                            IF length(typed) >= 8 THEN
                                score := 0.7;
                            END IF;
                            FOR place IN 1 .. length(heard) - 1 LOOP  -- two letters that changed places are one typo
                                IF overlay(heard PLACING reverse(substr(heard, place, 2)) FROM place FOR 2) = said THEN
                                    score := 0.8;
                                END IF;
                            END LOOP;
                        END IF;
                    END IF;
                    best := greatest(best, score);
                END LOOP;
                EXIT WHEN best = 0;
                total := total + best;
                words := words + 1;
            END LOOP;
            IF best > 0 THEN
                answer := greatest(answer, 0.95 * total / words);
            END IF;
        END LOOP;
    END LOOP;
    RETURN answer;
END
$$;

CREATE FUNCTION public.ref(value jsonb) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ->> 'id'::text))::uuid;

CREATE FUNCTION public.refs(list jsonb, property text DEFAULT NULL::text) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT public.ref(CASE WHEN (refs.property IS NULL) THEN entry.value ELSE (entry.value -> refs.property) END) AS ref FROM jsonb_array_elements(refs.list) entry(value) WHERE ((refs.property IS NULL) OR (entry.value ? refs.property)));

CREATE FUNCTION public.replace_each(body text, olds text[], news text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    FOR i IN 1 .. coalesce(cardinality(olds), 0) LOOP
        body := replace(body, olds[i], news[i]);
    END LOOP;
    RETURN body;
END
$$;

CREATE FUNCTION public.search_queries(words text) RETURNS tsquery[]
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

CREATE FUNCTION public.search_vector_of_much(texts jsonb) RETURNS tsvector
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

CREATE FUNCTION public.search_vector(texts jsonb) RETURNS tsvector
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN ((pg_column_size(texts) < 20000) AND ((texts - '{"",de,en,fr,name,ru,tr,uk}'::text[]) = '{}'::jsonb)) THEN (((((((to_tsvector('public.parley_simple'::regconfig, COALESCE((texts ->> ''::text), ''::text)) || to_tsvector('public.parley_de'::regconfig, COALESCE((texts ->> 'de'::text), ''::text))) || to_tsvector('public.parley_en'::regconfig, COALESCE((texts ->> 'en'::text), ''::text))) || to_tsvector('public.parley_fr'::regconfig, COALESCE((texts ->> 'fr'::text), ''::text))) || setweight(to_tsvector('public.parley_simple'::regconfig, COALESCE((texts ->> 'name'::text), ''::text)), 'A'::"char")) || to_tsvector('public.parley_ru'::regconfig, COALESCE((texts ->> 'ru'::text), ''::text))) || to_tsvector('public.parley_tr'::regconfig, COALESCE((texts ->> 'tr'::text), ''::text))) || to_tsvector('public.parley_simple'::regconfig, COALESCE((texts ->> 'uk'::text), ''::text))) ELSE public.search_vector_of_much(texts) END;

CREATE FUNCTION public.shown(value jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (value ? 'edtf'::text) THEN value ELSE NULL::jsonb END;

CREATE FUNCTION public.texts(list jsonb, property text DEFAULT NULL::text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT CASE WHEN (texts.property IS NULL) THEN (entry.value #>> '{}'::text[]) ELSE (entry.value ->> texts.property) END AS "case" FROM jsonb_array_elements(texts.list) entry(value));

CREATE AGGREGATE public.search_vectors(tsvector) (
    SFUNC = tsvector_concat,
    STYPE = tsvector,
    INITCOND = ''
);

CREATE TABLE public.actors (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    parent uuid,
    country text
);

CREATE TABLE public.batch_inputs (
    id uuid NOT NULL,
    provider text NOT NULL,
    key_name text NOT NULL,
    admin boolean NOT NULL,
    media_type text NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY public.batch_inputs ALTER COLUMN body SET STORAGE EXTERNAL;

COMMENT ON COLUMN public.batch_inputs.body IS 'the body of the request, gzipped';

CREATE TABLE public.batches (
    id uuid NOT NULL,
    provider text NOT NULL,
    status text NOT NULL,
    atomic boolean NOT NULL,
    dry_run boolean NOT NULL,
    total integer NOT NULL,
    done integer NOT NULL,
    counts json,
    results bytea,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    problem json,
    CONSTRAINT batches_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN public.batches.results IS 'the JSON array of results, in input order, as it was answered';

COMMENT ON COLUMN public.batches.attempts IS 'how often a worker began it';

COMMENT ON COLUMN public.batches.problem IS 'why nothing of it was kept';

CREATE TABLE public.claims (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    record uuid NOT NULL,
    property text NOT NULL,
    stance text NOT NULL,
    rank text NOT NULL,
    asserted_by uuid,
    asserted_on date
);

CREATE TABLE public.delegations (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    round uuid,
    meeting uuid,
    represents uuid[] NOT NULL
);

CREATE TABLE public.delegations_members (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    person uuid,
    role text NOT NULL
);

CREATE TABLE public.documents (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    title text,
    authors uuid[] NOT NULL,
    process uuid,
    round uuid,
    status text,
    dated date,
    topics text[] NOT NULL
);

CREATE TABLE public.idempotency (
    key_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.identifiers (
    type text NOT NULL,
    scheme text NOT NULL,
    identifier text NOT NULL,
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint
);

CREATE TABLE public.keys (
    id uuid NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    scopes text[] NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT keys_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT keys_scopes_check CHECK ((scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text]))
);

CREATE TABLE public.links (
    from_id uuid NOT NULL,
    from_type text NOT NULL,
    path text NOT NULL,
    to_id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint
);

COMMENT ON COLUMN public.links.path IS 'where the reference stands: a JSON Pointer without list indices';

CREATE TABLE public.meetings (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    name text,
    held_on date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    country text,
    actors uuid[] NOT NULL,
    people uuid[] NOT NULL
);

COMMENT ON COLUMN public.meetings.actors IS 'who convened it, led it or took part';

CREATE TABLE public.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.people (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL
);

CREATE TABLE public.people_positions (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    organization uuid,
    first_day date NOT NULL,
    last_day date NOT NULL
);

COMMENT ON TABLE public.people_positions IS 'posts held; an unknown beginning or end is infinitely far, so it never rules a day out';

CREATE TABLE public.pledges (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    title text,
    status text NOT NULL,
    category text,
    finance_type text,
    currency text,
    amount numeric,
    amount_min numeric,
    amount_max numeric,
    announced_on date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    announced_at uuid,
    process uuid,
    effective_from date,
    donors uuid[] NOT NULL,
    recipients uuid[] NOT NULL,
    split boolean NOT NULL,
    superseded_by uuid,
    undelivered boolean NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');

COMMENT ON COLUMN public.pledges.currency IS 'of all its amounts; null where no money is stated';

COMMENT ON COLUMN public.pledges.amount_min IS 'the least it amounts to, as far as stated: the amount itself where no less is';

COMMENT ON COLUMN public.pledges.announced_on IS 'the first day of the date that is shown; first_day and last_day also span what is claimed';

COMMENT ON COLUMN public.pledges.donors IS 'those who pay';

COMMENT ON COLUMN public.pledges.split IS 'whether it is known who pays how much, so that pledges_donors adds up to the pledge';

CREATE TABLE public.pledges_donors (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    donor uuid,
    amount numeric,
    amount_min numeric,
    amount_max numeric
);

COMMENT ON TABLE public.pledges_donors IS 'what each paying donor pays; of a pledge that is not split, the whole for each. No donor: nobody knows who pays';

CREATE TABLE public.processes (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    status text,
    parties uuid[] NOT NULL,
    started_on date,
    ended_on date
);

CREATE TABLE public.rates (
    currency text NOT NULL,
    day date NOT NULL,
    per_euro numeric NOT NULL,
    CONSTRAINT rates_per_euro_check CHECK ((per_euro > (0)::numeric))
);

COMMENT ON TABLE public.rates IS 'ECB euro foreign exchange reference rates (db/rates.py loads them); the euro itself is 1 on each of their days';

CREATE TABLE public.records (
    id uuid NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    state text NOT NULL,
    provider text NOT NULL,
    admin boolean NOT NULL,
    hash bytea NOT NULL,
    label text NOT NULL,
    label_position bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    merged_into uuid,
    reason text,
    CONSTRAINT records_state_check CHECK ((state = ANY (ARRAY['live'::text, 'deleted'::text, 'merged'::text])))
);

COMMENT ON COLUMN public.records.admin IS 'whether an admin wrote it last: only the provider of a record or an admin alters what it shows';

COMMENT ON COLUMN public.records.label IS 'the record as references show it, byte for byte as it stands in served.doc';

COMMENT ON COLUMN public.records.label_position IS 'the position at which the label last changed';

CREATE TABLE public.revisions (
    "position" bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    op text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    provider text NOT NULL,
    key_name text NOT NULL,
    admin boolean NOT NULL,
    batch uuid,
    merged_into uuid,
    reason text,
    changed text[] NOT NULL,
    document jsonb,
    "overlay" jsonb,
    hash bytea NOT NULL,
    CONSTRAINT revisions_op_check CHECK ((op = ANY (ARRAY['created'::text, 'updated'::text, 'deleted'::text, 'merged'::text])))
);

COMMENT ON TABLE public.revisions IS 'append-only; positions and recorded_at are taken under one lock held to commit, so they have the order of commits';

COMMENT ON COLUMN public.revisions.document IS 'the record without nulls and empty lists, references as id and type; null when deleted';

COMMENT ON COLUMN public.revisions."overlay" IS 'where the document shows something else than was written: claims, transactions (see db/consequences.py)';

CREATE TABLE public.rounds (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    process uuid,
    parent uuid,
    number integer,
    name text,
    status text NOT NULL,
    starts_on date,
    ends_on date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    formats text[] NOT NULL,
    tracks text[] NOT NULL,
    country text,
    third_parties uuid[] NOT NULL
);

COMMENT ON COLUMN public.rounds.first_day IS 'the first day on which the round possibly took place; last_day the last';

CREATE TABLE public.secrets (
    name text NOT NULL,
    value bytea NOT NULL
);

COMMENT ON TABLE public.secrets IS 'what all servers of one database share, such as the key that signs cursors';

CREATE TABLE public.served (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    type text NOT NULL,
    version integer NOT NULL,
    stamp bigint NOT NULL,
    doc text NOT NULL,
    spellings text,
    search tsvector NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');

COMMENT ON TABLE public.served IS 'the documents as they are answered, ready; rows know the period of the log in which they stood';

COMMENT ON COLUMN public.served.stamp IS 'the last position that changed the document: its own, or that of a label in it';

CREATE TABLE public.sources (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    publisher uuid,
    language text,
    url text,
    published_on date
);

CREATE TABLE public.statements (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    speaker uuid,
    speaker_actor uuid,
    on_behalf_of uuid,
    said_on date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    mode text NOT NULL,
    act text,
    channel text,
    topics text[] NOT NULL,
    tracks text[] NOT NULL,
    about uuid[] NOT NULL,
    concerns uuid[] NOT NULL
);

COMMENT ON COLUMN public.statements.concerns IS 'what it is about, and the round or meeting at which it was made';

CREATE TABLE public.transactions (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    pledge uuid NOT NULL,
    kind text NOT NULL,
    amount numeric,
    dated date,
    first_day date,
    last_day date,
    certain boolean NOT NULL
);

CREATE TABLE public.webhook_deliveries (
    webhook uuid NOT NULL,
    id uuid NOT NULL,
    event text NOT NULL,
    message text NOT NULL,
    "position" bigint,
    attempt integer NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    accepted boolean NOT NULL,
    status integer,
    error text,
    response text
);

COMMENT ON TABLE public.webhook_deliveries IS 'what endpoints answered; the last 1,000 of each are kept';

COMMENT ON COLUMN public.webhook_deliveries."position" IS 'null: a test';

CREATE TABLE public.webhooks (
    id uuid NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    description text,
    enabled boolean NOT NULL,
    disabled_reason text,
    secret text NOT NULL,
    previous_secret text,
    previous_secret_until timestamp with time zone,
    "position" bigint NOT NULL,
    failed_attempts integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    next_attempt_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text])))
);

COMMENT ON COLUMN public.webhooks.types IS 'the types of records it is told of; empty: all';

COMMENT ON COLUMN public.webhooks.secret IS 'as it is, not hashed: whoever signs must know it';

COMMENT ON COLUMN public.webhooks."position" IS 'the revision it was told of last: all that come later wait for it, and nothing else is a queue';

COMMENT ON COLUMN public.webhooks.updated_at IS 'when an admin changed it; deliveries do not move it';

ALTER TABLE ONLY public.actors
    ADD CONSTRAINT actors_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.batch_inputs
    ADD CONSTRAINT batch_inputs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.delegations
    ADD CONSTRAINT delegations_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (key_id, idempotency_key);

ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.meetings
    ADD CONSTRAINT meetings_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.pledges
    ADD CONSTRAINT pledges_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.processes
    ADD CONSTRAINT processes_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.rates
    ADD CONSTRAINT rates_pkey PRIMARY KEY (currency, day);

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_id_version_key UNIQUE (id, version);

ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT rounds_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.served
    ADD CONSTRAINT served_pkey PRIMARY KEY (id, from_position) INCLUDE (stamp);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id, from_position);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook, id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

CREATE INDEX actors_by_country ON public.actors USING btree (country) WHERE (to_position IS NULL);

CREATE INDEX actors_by_id ON public.actors USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX actors_by_name ON public.actors USING btree (COALESCE(name, '􏿿'::text), id) WHERE (to_position IS NULL);

CREATE INDEX actors_by_parent ON public.actors USING btree (parent) WHERE (to_position IS NULL);

CREATE INDEX actors_by_update ON public.actors USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX actors_of_the_past ON public.actors USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX batches_by_time ON public.batches USING btree (created_at);

CREATE INDEX claims_by_claimant ON public.claims USING btree (asserted_by) WHERE (to_position IS NULL);

CREATE INDEX claims_by_id ON public.claims USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX claims_by_record ON public.claims USING btree (record, property) WHERE (to_position IS NULL);

CREATE INDEX claims_by_update ON public.claims USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX claims_of_the_past ON public.claims USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX delegations_by_actor ON public.delegations USING gin (represents) WHERE (to_position IS NULL);

CREATE INDEX delegations_by_id ON public.delegations USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX delegations_by_round ON public.delegations USING btree (round) WHERE (to_position IS NULL);

CREATE INDEX delegations_by_update ON public.delegations USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX delegations_members_by_person ON public.delegations_members USING btree (person);

CREATE INDEX delegations_members_of ON public.delegations_members USING btree (id, from_position);

CREATE INDEX delegations_of_the_past ON public.delegations USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX documents_by_author ON public.documents USING gin (authors) WHERE (to_position IS NULL);

CREATE INDEX documents_by_id ON public.documents USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX documents_by_process ON public.documents USING btree (process) WHERE (to_position IS NULL);

CREATE INDEX documents_by_round ON public.documents USING btree (round) WHERE (to_position IS NULL);

CREATE INDEX documents_by_topic ON public.documents USING gin (topics) WHERE (to_position IS NULL);

CREATE INDEX documents_by_update ON public.documents USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX documents_of_the_past ON public.documents USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX idempotency_by_time ON public.idempotency USING btree (created_at);

CREATE INDEX identifiers_by_id ON public.identifiers USING btree (id);

CREATE UNIQUE INDEX identifiers_once ON public.identifiers USING btree (scheme, identifier, type, to_position) NULLS NOT DISTINCT;

CREATE UNIQUE INDEX keys_by_name ON public.keys USING btree (name) WHERE (revoked_at IS NULL);

CREATE INDEX links_from ON public.links USING btree (from_id, from_position);

CREATE INDEX links_to ON public.links USING btree (to_id, from_type, from_id) WHERE (to_position IS NULL);

CREATE INDEX links_to_ever ON public.links USING btree (to_id);

CREATE INDEX meetings_by_actor ON public.meetings USING gin (actors) WHERE (to_position IS NULL);

CREATE INDEX meetings_by_days ON public.meetings USING btree (first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX meetings_by_id ON public.meetings USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX meetings_by_person ON public.meetings USING gin (people) WHERE (to_position IS NULL);

CREATE INDEX meetings_by_update ON public.meetings USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX meetings_of_the_past ON public.meetings USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX people_by_id ON public.people USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX people_by_name ON public.people USING btree (COALESCE(name, '􏿿'::text), id) WHERE (to_position IS NULL);

CREATE INDEX people_by_update ON public.people USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX people_of_the_past ON public.people USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX people_positions_at ON public.people_positions USING btree (organization, first_day, last_day);

CREATE INDEX people_positions_of ON public.people_positions USING btree (id, from_position);

CREATE INDEX pledges_above_their_least ON public.pledges USING btree (COALESCE(amount, '-Infinity'::numeric), id) WHERE ((to_position IS NULL) AND ((amount_min < amount) IS TRUE));

CREATE INDEX pledges_below_their_most ON public.pledges USING btree (COALESCE(amount, 'Infinity'::numeric), id) WHERE ((to_position IS NULL) AND ((amount < amount_max) IS TRUE));

CREATE INDEX pledges_by_announcement ON public.pledges USING btree (COALESCE(announced_on, 'infinity'::date), id, first_day, last_day) INCLUDE (announced_on, from_position, donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_days ON public.pledges USING btree (last_day, first_day) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_donor ON public.pledges USING gin (donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_id ON public.pledges USING btree (id, first_day, last_day) INCLUDE (from_position, donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_largest ON public.pledges USING btree (COALESCE(amount, '-Infinity'::numeric), id, COALESCE(amount_min, (0)::numeric)) INCLUDE (amount, amount_min, amount_max, currency, first_day, last_day, from_position, donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_latest ON public.pledges USING btree (COALESCE(announced_on, '-infinity'::date), id, first_day, last_day) INCLUDE (announced_on, from_position, donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_place ON public.pledges USING btree (announced_at) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_process ON public.pledges USING btree (process) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_recipient ON public.pledges USING gin (recipients) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_smallest ON public.pledges USING btree (COALESCE(amount, 'Infinity'::numeric), id, COALESCE(amount_max, 'Infinity'::numeric)) INCLUDE (amount, amount_min, amount_max, currency, first_day, last_day, from_position, donors) WHERE (to_position IS NULL);

CREATE INDEX pledges_by_update ON public.pledges USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX pledges_donors_of ON public.pledges_donors USING btree (id, from_position);

CREATE INDEX pledges_of_several_days ON public.pledges USING btree (COALESCE(announced_on, 'infinity'::date), id) WHERE ((to_position IS NULL) AND ((first_day < last_day) IS TRUE));

CREATE INDEX pledges_of_the_past ON public.pledges USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX processes_by_id ON public.processes USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX processes_by_party ON public.processes USING gin (parties) WHERE (to_position IS NULL);

CREATE INDEX processes_by_update ON public.processes USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX processes_of_the_past ON public.processes USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX records_by_type ON public.records USING btree (type, state);

CREATE INDEX records_merged ON public.records USING btree (merged_into) WHERE (merged_into IS NOT NULL);

CREATE INDEX revisions_by_time ON public.revisions USING btree (recorded_at, "position");

CREATE INDEX rounds_by_days ON public.rounds USING btree (first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX rounds_by_id ON public.rounds USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX rounds_by_process ON public.rounds USING btree (process) WHERE (to_position IS NULL);

CREATE INDEX rounds_by_third_party ON public.rounds USING gin (third_parties) WHERE (to_position IS NULL);

CREATE INDEX rounds_by_update ON public.rounds USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX rounds_of_the_past ON public.rounds USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE UNIQUE INDEX served_open ON public.served USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX served_search_others ON public.served USING gin (search) WITH (gin_pending_list_limit='1024') WHERE (type <> 'statement'::text);

CREATE INDEX served_search_statements ON public.served USING gin (search) WITH (gin_pending_list_limit='1024') WHERE (type = 'statement'::text);

CREATE INDEX served_spellings ON public.served USING gin (spellings public.gin_trgm_ops);

CREATE INDEX sources_by_id ON public.sources USING btree (id) WHERE (to_position IS NULL);

CREATE INDEX sources_by_publisher ON public.sources USING btree (publisher) WHERE (to_position IS NULL);

CREATE INDEX sources_by_update ON public.sources USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX sources_by_url ON public.sources USING hash (url) WHERE (to_position IS NULL);

CREATE INDEX sources_of_the_past ON public.sources USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX statements_by_about ON public.statements USING gin (about) WHERE (to_position IS NULL);

CREATE INDEX statements_by_concern ON public.statements USING gin (concerns) WHERE (to_position IS NULL);

CREATE INDEX statements_by_day_and_days ON public.statements USING btree (COALESCE(said_on, 'infinity'::date), id, first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX statements_by_days ON public.statements USING btree (first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX statements_by_id_and_days ON public.statements USING btree (id, first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX statements_by_latest_day_and_days ON public.statements USING btree (COALESCE(said_on, '-infinity'::date), id, first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX statements_by_principal ON public.statements USING btree (on_behalf_of) WHERE (to_position IS NULL);

CREATE INDEX statements_by_speaker ON public.statements USING btree (speaker) WHERE (to_position IS NULL);

CREATE INDEX statements_by_speaker_actor ON public.statements USING btree (speaker_actor) WHERE (to_position IS NULL);

CREATE INDEX statements_by_topic ON public.statements USING gin (topics) WHERE (to_position IS NULL);

CREATE INDEX statements_by_update ON public.statements USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX statements_of_several_days ON public.statements USING btree (COALESCE(said_on, 'infinity'::date), id) WHERE ((to_position IS NULL) AND ((first_day < last_day) IS TRUE));

CREATE INDEX statements_of_the_past ON public.statements USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE INDEX transactions_by_day_and_days ON public.transactions USING btree (COALESCE(dated, 'infinity'::date), id, first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX transactions_by_days ON public.transactions USING btree (last_day, first_day) WHERE (to_position IS NULL);

CREATE INDEX transactions_by_id_and_days ON public.transactions USING btree (id, first_day, last_day) WHERE (to_position IS NULL);

CREATE INDEX transactions_by_pledge ON public.transactions USING btree (pledge) WHERE (to_position IS NULL);

CREATE INDEX transactions_by_update ON public.transactions USING btree (updated_at, id) WHERE (to_position IS NULL);

CREATE INDEX transactions_of_several_days ON public.transactions USING btree (COALESCE(dated, 'infinity'::date), id) WHERE ((to_position IS NULL) AND ((first_day < last_day) IS TRUE));

CREATE INDEX transactions_of_the_past ON public.transactions USING btree (to_position) WHERE (to_position IS NOT NULL);

CREATE STATISTICS public.pledges_above_their_least_share ON (amount_min < amount) FROM public.pledges;

CREATE STATISTICS public.pledges_below_their_most_share ON (amount < amount_max) FROM public.pledges;

CREATE STATISTICS public.pledges_of_several_days_share ON (first_day < last_day) FROM public.pledges;

CREATE STATISTICS public.statements_of_several_days_share ON (first_day < last_day) FROM public.statements;

CREATE STATISTICS public.transactions_of_several_days_share ON (first_day < last_day) FROM public.transactions;

ALTER TABLE ONLY public.actors
    ADD CONSTRAINT actors_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.batch_inputs
    ADD CONSTRAINT batch_inputs_id_fkey FOREIGN KEY (id) REFERENCES public.batches(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.delegations
    ADD CONSTRAINT delegations_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.identifiers
    ADD CONSTRAINT identifiers_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_to_id_fkey FOREIGN KEY (to_id) REFERENCES public.records(id);

ALTER TABLE ONLY public.meetings
    ADD CONSTRAINT meetings_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.pledges
    ADD CONSTRAINT pledges_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.processes
    ADD CONSTRAINT processes_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT rounds_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.served
    ADD CONSTRAINT served_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.statements
    ADD CONSTRAINT statements_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.transactions
    ADD CONSTRAINT transactions_id_fkey FOREIGN KEY (id) REFERENCES public.records(id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (webhook) REFERENCES public.webhooks(id) ON DELETE CASCADE;
