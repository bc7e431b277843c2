-- The log is the truth (revisions); records is the identity of each id; identifiers, links and served are made from the log.

CREATE TABLE records (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('live', 'deleted', 'merged')),
    provider text NOT NULL,
    admin boolean NOT NULL,
    hash bytea NOT NULL,
    label text NOT NULL,
    label_position bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    merged_into uuid,
    reason text
);

COMMENT ON COLUMN records.admin IS 'whether an admin wrote it last: only the provider of a record or an admin alters what it shows';
COMMENT ON COLUMN records.label IS 'the record as references show it, byte for byte as it stands in served.doc';
COMMENT ON COLUMN records.label_position IS 'the position at which the label last changed';

CREATE INDEX records_by_type ON records (type, state);

CREATE TABLE identifiers (
    type text NOT NULL,
    scheme text NOT NULL,
    identifier text NOT NULL,
    id uuid NOT NULL REFERENCES records (id),
    PRIMARY KEY (scheme, identifier, type)
);

CREATE INDEX identifiers_by_id ON identifiers (id);

CREATE TABLE revisions (
    position bigint PRIMARY KEY,
    id uuid NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    op text NOT NULL CHECK (op IN ('created', 'updated', 'deleted', 'merged')),
    recorded_at timestamptz NOT NULL,
    provider text NOT NULL,
    key_name text NOT NULL,
    admin boolean NOT NULL,
    batch uuid,
    merged_into uuid,
    reason text,
    changed text [] NOT NULL,
    document jsonb,
    overlay jsonb,
    hash bytea NOT NULL,
    UNIQUE (id, version)
);

COMMENT ON TABLE revisions IS 'append-only; positions and recorded_at are taken under one lock held to commit, so they have the order of commits';
COMMENT ON COLUMN revisions.document IS 'the record without nulls and empty lists, references as id and type; null when deleted';

COMMENT ON COLUMN revisions.overlay IS 'where the document shows something else than was written: claims, transactions (see db/consequences.py)';

CREATE INDEX revisions_by_time ON revisions (recorded_at, position);

CREATE TABLE links (
    from_id uuid NOT NULL,
    from_type text NOT NULL,
    path text NOT NULL,
    to_id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint
);

COMMENT ON COLUMN links.path IS 'where the reference stands: a JSON Pointer without list indices';

CREATE INDEX links_to ON links (to_id, from_type, from_id) WHERE to_position IS NULL;
CREATE INDEX links_to_ever ON links (to_id);
CREATE INDEX links_from ON links (from_id, from_position);

CREATE TABLE served (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    type text NOT NULL,
    version integer NOT NULL,
    stamp bigint NOT NULL,
    doc text NOT NULL,
    spellings text,
    search tsvector NOT NULL,
    PRIMARY KEY (id, from_position)
);

COMMENT ON TABLE served IS 'the documents as they are answered, ready; rows know the period of the log in which they stood';
COMMENT ON COLUMN served.stamp IS 'the last position that changed the document: its own, or that of a label in it';

CREATE UNIQUE INDEX served_open ON served (id) WHERE to_position IS NULL;
CREATE INDEX served_search ON served USING gin (search);
CREATE INDEX served_spellings ON served USING gin (spellings gin_trgm_ops);

CREATE TABLE idempotency (
    key_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, idempotency_key)
);

CREATE INDEX idempotency_by_time ON idempotency (created_at);

CREATE TABLE secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

COMMENT ON TABLE secrets IS 'what all servers of one database share, such as the key that signs cursors';

INSERT INTO secrets (name, value)
VALUES ('cursor', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- Full text: each language by its own stemmer, all without accents.
CREATE TEXT SEARCH CONFIGURATION parley_en (COPY = english);
ALTER TEXT SEARCH CONFIGURATION parley_en ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;
CREATE TEXT SEARCH CONFIGURATION parley_ru (COPY = russian);
ALTER TEXT SEARCH CONFIGURATION parley_ru ALTER MAPPING FOR hword, hword_part, word WITH unaccent, russian_stem;
CREATE TEXT SEARCH CONFIGURATION parley_de (COPY = german);
ALTER TEXT SEARCH CONFIGURATION parley_de ALTER MAPPING FOR hword, hword_part, word WITH unaccent, german_stem;
CREATE TEXT SEARCH CONFIGURATION parley_fr (COPY = french);
ALTER TEXT SEARCH CONFIGURATION parley_fr ALTER MAPPING FOR hword, hword_part, word WITH unaccent, french_stem;
CREATE TEXT SEARCH CONFIGURATION parley_tr (COPY = turkish);
ALTER TEXT SEARCH CONFIGURATION parley_tr ALTER MAPPING FOR hword, hword_part, word WITH unaccent, turkish_stem;
CREATE TEXT SEARCH CONFIGURATION parley_simple (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION parley_simple ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;

CREATE FUNCTION search_vector(texts jsonb) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE
RETURN setweight(to_tsvector('parley_simple', coalesce(texts ->> 'name', '')), 'A')
    || to_tsvector('parley_simple', coalesce(texts ->> '', ''))
    || to_tsvector('parley_en', coalesce(texts ->> 'en', ''))
    || to_tsvector('parley_ru', coalesce(texts ->> 'ru', ''))
    || to_tsvector('parley_de', coalesce(texts ->> 'de', ''))
    || to_tsvector('parley_fr', coalesce(texts ->> 'fr', ''))
    || to_tsvector('parley_tr', coalesce(texts ->> 'tr', ''));

CREATE FUNCTION search_query(words text) RETURNS tsquery
LANGUAGE sql STABLE PARALLEL SAFE
RETURN websearch_to_tsquery('parley_simple', words)
    || websearch_to_tsquery('parley_en', words)
    || websearch_to_tsquery('parley_ru', words)
    || websearch_to_tsquery('parley_de', words)
    || websearch_to_tsquery('parley_fr', words)
    || websearch_to_tsquery('parley_tr', words);

-- Small words in which the projections are written.

CREATE FUNCTION ref(value jsonb) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (value ->> 'id')::uuid;

CREATE FUNCTION refs(list jsonb, property text DEFAULT NULL) RETURNS uuid []
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT ref(CASE WHEN property IS NULL THEN entry ELSE entry -> property END)
      FROM jsonb_array_elements(list) AS entry
     WHERE property IS NULL OR entry ? property
);

CREATE FUNCTION texts(list jsonb, property text DEFAULT NULL) RETURNS text []
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT CASE WHEN property IS NULL THEN entry #>> '{}' ELSE entry ->> property END
      FROM jsonb_array_elements(list) AS entry
);

CREATE FUNCTION first_day(value jsonb) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (value ->> 'earliest')::date;

CREATE FUNCTION last_day(value jsonb) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (value ->> 'latest')::date;

CREATE FUNCTION is_certain(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((value ->> 'certain')::boolean, false);

-- The JSON Pointers of what claims are about, from a revision's overlay.
CREATE FUNCTION contested(entries jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_agg('/' || key ORDER BY key), '[]')
      FROM jsonb_each(entries)
     WHERE value ->> 'by' = 'claims'
);

-- The records that a filter names, each as an id or scheme:identifier; one that was merged means its target.
CREATE FUNCTION ids(wanted text, names text []) RETURNS uuid []
LANGUAGE sql STABLE PARALLEL SAFE
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
      JOIN records AS r ON r.id = i.id
);

-- Several replacements in one text, in the order given.
CREATE FUNCTION replace_each(body text, olds text [], news text []) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR i IN 1 .. coalesce(cardinality(olds), 0) LOOP
        body := replace(body, olds[i], news[i]);
    END LOOP;
    RETURN body;
END
$$;
