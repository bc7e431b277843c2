-- Names are found by trigrams, without accents and with a typo; scalar columns sit in GIN indexes beside arrays.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- Who may do what. The secret is random and long, so one SHA-256 of it is all that is kept and needed.
CREATE TABLE keys (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    provider text NOT NULL,
    scopes text[] NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    CHECK (octet_length(hash) = 32),
    CHECK (scopes <@ ARRAY['read', 'write', 'admin'])
);

-- A name can be given again after its key was revoked.
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked_at IS NULL;
