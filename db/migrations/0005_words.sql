-- What was said and written: statements, documents, meetings, claims; the best of several texts; search in any language.

CREATE TABLE statements (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    concerns uuid[] NOT NULL,
    PRIMARY KEY (id, from_position)
);
COMMENT ON COLUMN statements.concerns IS 'what it is about, and the round or meeting at which it was made';
CREATE INDEX statements_by_id ON statements (id) WHERE to_position IS NULL;
CREATE INDEX statements_by_update ON statements (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX statements_by_day ON statements (coalesce(said_on, 'infinity'), id) WHERE to_position IS NULL;
CREATE INDEX statements_by_latest_day ON statements (coalesce(said_on, '-infinity'), id) WHERE to_position IS NULL;
CREATE INDEX statements_by_days ON statements (first_day, last_day) WHERE to_position IS NULL;
CREATE INDEX statements_by_speaker ON statements (speaker) WHERE to_position IS NULL;
CREATE INDEX statements_by_speaker_actor ON statements (speaker_actor) WHERE to_position IS NULL;
CREATE INDEX statements_by_principal ON statements (on_behalf_of) WHERE to_position IS NULL;
CREATE INDEX statements_by_about ON statements USING gin (about) WHERE to_position IS NULL;
CREATE INDEX statements_by_concern ON statements USING gin (concerns) WHERE to_position IS NULL;
CREATE INDEX statements_by_topic ON statements USING gin (topics) WHERE to_position IS NULL;

CREATE TABLE meetings (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text NOT NULL,
    name text,
    held_on date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    country text,
    actors uuid[] NOT NULL,
    people uuid[] NOT NULL,
    PRIMARY KEY (id, from_position)
);
COMMENT ON COLUMN meetings.actors IS 'who convened it, led it or took part';
CREATE INDEX meetings_by_id ON meetings (id) WHERE to_position IS NULL;
CREATE INDEX meetings_by_update ON meetings (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX meetings_by_days ON meetings (first_day, last_day) WHERE to_position IS NULL;
CREATE INDEX meetings_by_actor ON meetings USING gin (actors) WHERE to_position IS NULL;
CREATE INDEX meetings_by_person ON meetings USING gin (people) WHERE to_position IS NULL;

CREATE TABLE documents (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text NOT NULL,
    title text,
    authors uuid[] NOT NULL,
    process uuid,
    round uuid,
    status text,
    dated date,
    topics text[] NOT NULL,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX documents_by_id ON documents (id) WHERE to_position IS NULL;
CREATE INDEX documents_by_update ON documents (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX documents_by_process ON documents (process) WHERE to_position IS NULL;
CREATE INDEX documents_by_round ON documents (round) WHERE to_position IS NULL;
CREATE INDEX documents_by_author ON documents USING gin (authors) WHERE to_position IS NULL;
CREATE INDEX documents_by_topic ON documents USING gin (topics) WHERE to_position IS NULL;

CREATE TABLE claims (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    record uuid NOT NULL,
    property text NOT NULL,
    stance text NOT NULL,
    rank text NOT NULL,
    asserted_by uuid,
    asserted_on date,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX claims_by_id ON claims (id) WHERE to_position IS NULL;
CREATE INDEX claims_by_update ON claims (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX claims_by_record ON claims (record, property) WHERE to_position IS NULL;
CREATE INDEX claims_by_claimant ON claims (asserted_by) WHERE to_position IS NULL;

-- A filter's ids are looked up when its query is planned, not again for every row (20,000 of them took over 10 s), and the
-- planner knows how common each is. Every query is planned for its own values, so this never outlives an answer.
ALTER FUNCTION ids(text, text []) IMMUTABLE;

-- The records that a filter names, of whatever type.
CREATE FUNCTION any_ids(names text []) RETURNS uuid []
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ids(
    'process round delegation statement pledge transaction meeting document claim actor person source', names
);

-- A date as it is shown: a contested one is found by all days that are claimed for it, but shows none to be sorted by.
CREATE FUNCTION shown(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value ? 'edtf' THEN value END;

-- The text that suits a reader best: RFC 4647 lookup, range by range, each shortened from its end; then a narrower
-- variety of a wanted language; then the original; then any, by people before by machines.
CREATE FUNCTION best_text(texts json, ranges text [], allow_machine boolean) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT t.entry
      FROM json_array_elements(texts) WITH ORDINALITY AS t (entry, place)
     CROSS JOIN LATERAL (SELECT lower(t.entry ->> 'lang') || '-' AS tag, t.entry ->> 'translation' AS translation) AS l
     WHERE allow_machine IS NOT FALSE OR l.translation IS DISTINCT FROM 'machine'
     ORDER BY (SELECT min(ARRAY[r.place, -length(l.tag)])
                 FROM unnest(ranges) WITH ORDINALITY AS r (range, place)
                WHERE starts_with(lower(r.range) || '-', l.tag)),
              (SELECT min(r.place)
                 FROM unnest(ranges) WITH ORDINALITY AS r (range, place)
                WHERE starts_with(l.tag, lower(r.range) || '-')),
              coalesce(t.entry ->> 'original', '') <> 'true',
              l.translation = 'machine' IS TRUE,
              l.translation = 'machine_post_edited' IS TRUE,
              t.place
     LIMIT 1
);

-- Full text, by the language of each text. 0003 knew only the five that have a stemmer here, and left all others out.

CREATE FUNCTION search_config(lang text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE split_part(lower(lang), '-', 1)
    WHEN 'en' THEN 'parley_en'::regconfig
    WHEN 'ru' THEN 'parley_ru'::regconfig
    WHEN 'de' THEN 'parley_de'::regconfig
    WHEN 'fr' THEN 'parley_fr'::regconfig
    WHEN 'tr' THEN 'parley_tr'::regconfig
    ELSE 'parley_simple'::regconfig
END;

CREATE AGGREGATE search_vectors(tsvector) (SFUNC = tsvector_concat, STYPE = tsvector, INITCOND = '');

-- A vector holds 1 MB. Of a record with more words, those are found that stand in the first half of its texts, or quarter …
CREATE OR REPLACE FUNCTION search_vector(texts jsonb) RETURNS tsvector
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT search_vectors(CASE key WHEN 'name' THEN setweight(to_tsvector('parley_simple', value), 'A')
                                           ELSE to_tsvector(search_config(key), value)
                                  END ORDER BY key)
              FROM jsonb_each_text(texts));
EXCEPTION
    WHEN program_limit_exceeded THEN
        RETURN (SELECT search_vector(jsonb_object_agg(key, left(value, length(value) / 2)))
                  FROM jsonb_each_text(texts));
END
$$;

-- Up to three passages of a served document in which words of a query stand, as HTML: escaped, the words in <mark>.
-- The names that references show are left out: they are other records'.
CREATE FUNCTION highlights(doc text, words text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(json_agg(found.passage), '[]')
      FROM (SELECT marked.passage
              FROM jsonb_path_query(doc::jsonb, 'strict $.** ? (@.type() == "object")') WITH ORDINALITY AS o (part, place)
             CROSS JOIN jsonb_each(o.part) WITH ORDINALITY AS f (key, value, place)
             CROSS JOIN LATERAL (
                 SELECT ts_headline(
                            search_config(coalesce(o.part ->> 'lang', 'en')),
                            replace(replace(replace(replace(f.value #>> '{}',
                                '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'),
                            regexp_replace(search_query(words)::text, ' (&|<->|<\d+>) ', ' | ', 'g')::tsquery,
                            'StartSel=<mark>, StopSel=</mark>, ShortWord=0, ' || CASE
                                WHEN length(f.value #>> '{}') <= 250 THEN 'HighlightAll=true'
                                ELSE 'MaxFragments=1, MinWords=10, MaxWords=30'
                            END
                        ) AS passage
             ) AS marked
             WHERE jsonb_typeof(f.value) = 'string'
               AND f.key = ANY ('{name,title,text,summary,note,description,purpose,position,raw_name,attribution_text,
                                  composition_note,timing_text,designation,locator}'::text [])
               AND (o.part ? 'version' OR NOT o.part ? 'identifiers')
               AND marked.passage LIKE '%<mark>%'
             ORDER BY o.place, f.place
             LIMIT 3) AS found
);
