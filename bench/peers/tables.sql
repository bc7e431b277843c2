-- The same records as a peer would keep them: one normal table for each type and for each list inside it.
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;

CREATE TABLE peer.sources (id uuid PRIMARY KEY, title text, identifiers jsonb NOT NULL);
INSERT INTO peer.sources
SELECT id, document ->> 'title', document -> 'identifiers' FROM revisions WHERE type = 'source';

CREATE TABLE peer.actors (id uuid PRIMARY KEY, name text NOT NULL, kind text NOT NULL, identifiers jsonb NOT NULL);
INSERT INTO peer.actors
SELECT id, document ->> 'name', document ->> 'kind', document -> 'identifiers' FROM revisions WHERE type = 'actor';

CREATE TABLE peer.people (id uuid PRIMARY KEY, name text NOT NULL, identifiers jsonb NOT NULL);
INSERT INTO peer.people
SELECT id, document ->> 'name', document -> 'identifiers' FROM revisions WHERE type = 'person';

CREATE TABLE peer.processes (id uuid PRIMARY KEY, name text NOT NULL, identifiers jsonb NOT NULL);
INSERT INTO peer.processes
SELECT id, document ->> 'name', document -> 'identifiers' FROM revisions WHERE type = 'process';

CREATE TABLE peer.rounds (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    identifiers jsonb NOT NULL,
    process_id uuid REFERENCES peer.processes,
    number integer,
    name text,
    status text NOT NULL,
    starts_on date,
    ends_on date,
    formats text[] NOT NULL,
    tracks jsonb NOT NULL,
    summary text
);
INSERT INTO peer.rounds
SELECT id, version, recorded_at, recorded_at, document -> 'identifiers', (document -> 'process' ->> 'id')::uuid,
       (document ->> 'number')::integer, document ->> 'name', document ->> 'status', (document ->> 'starts_on')::date,
       (document ->> 'ends_on')::date, ARRAY(SELECT jsonb_array_elements_text(document -> 'formats')),
       document -> 'tracks', document ->> 'summary'
  FROM revisions
 WHERE type = 'round';
CREATE INDEX ON peer.rounds (process_id);
CREATE INDEX ON peer.rounds (starts_on);

CREATE TABLE peer.round_third_parties (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id uuid NOT NULL REFERENCES peer.rounds,
    actor_id uuid NOT NULL REFERENCES peer.actors,
    role text NOT NULL
);
INSERT INTO peer.round_third_parties (round_id, actor_id, role)
SELECT r.id, (e -> 'actor' ->> 'id')::uuid, e ->> 'role'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'third_parties') AS e
 WHERE r.type = 'round';
CREATE INDEX ON peer.round_third_parties (round_id);

CREATE TABLE peer.delegations (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    identifiers jsonb NOT NULL,
    round_id uuid NOT NULL REFERENCES peer.rounds,
    actor_id uuid NOT NULL REFERENCES peer.actors
);
INSERT INTO peer.delegations
SELECT id, version, recorded_at, recorded_at, document -> 'identifiers', (document -> 'round' ->> 'id')::uuid,
       (document -> 'represents' -> 0 ->> 'id')::uuid
  FROM revisions
 WHERE type = 'delegation';
CREATE INDEX ON peer.delegations (round_id);

CREATE TABLE peer.delegation_members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delegation_id uuid NOT NULL REFERENCES peer.delegations,
    person_id uuid NOT NULL REFERENCES peer.people,
    role text NOT NULL,
    position text,
    attendance text
);
INSERT INTO peer.delegation_members (delegation_id, person_id, role, position, attendance)
SELECT r.id, (e -> 'person' ->> 'id')::uuid, e ->> 'role', e ->> 'position', e ->> 'attendance'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'members') AS e
 WHERE r.type = 'delegation';
CREATE INDEX ON peer.delegation_members (delegation_id);

CREATE TABLE peer.pledges (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    identifiers jsonb NOT NULL,
    title text,
    apportionment text NOT NULL,
    category text,
    finance_type text,
    status text NOT NULL,
    amount numeric(20, 2),
    currency text,
    announced_on date,
    purpose text
);
INSERT INTO peer.pledges
SELECT id, version, recorded_at, recorded_at, document -> 'identifiers', document ->> 'title',
       document ->> 'apportionment', document ->> 'category', document ->> 'finance_type', document ->> 'status',
       (document -> 'amount' ->> 'value')::numeric, document -> 'amount' ->> 'currency',
       (document ->> 'announced_on')::date, document ->> 'purpose'
  FROM revisions
 WHERE type = 'pledge';
CREATE UNIQUE INDEX ON peer.pledges ((identifiers -> 0 ->> 'scheme'), (identifiers -> 0 ->> 'identifier'));
CREATE INDEX ON peer.pledges (announced_on, id);

CREATE TABLE peer.pledge_donors (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pledge_id uuid NOT NULL REFERENCES peer.pledges ON DELETE CASCADE,
    actor_id uuid NOT NULL REFERENCES peer.actors,
    role text NOT NULL
);
INSERT INTO peer.pledge_donors (pledge_id, actor_id, role)
SELECT r.id, (e -> 'actor' ->> 'id')::uuid, e ->> 'role'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'donors') AS e
 WHERE r.type = 'pledge';
CREATE INDEX ON peer.pledge_donors (pledge_id);
CREATE INDEX ON peer.pledge_donors (actor_id, pledge_id);

CREATE TABLE peer.pledge_recipients (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pledge_id uuid NOT NULL REFERENCES peer.pledges ON DELETE CASCADE,
    actor_id uuid NOT NULL REFERENCES peer.actors
);
INSERT INTO peer.pledge_recipients (pledge_id, actor_id)
SELECT r.id, (e ->> 'id')::uuid
  FROM revisions AS r, jsonb_array_elements(r.document -> 'recipients') AS e
 WHERE r.type = 'pledge';
CREATE INDEX ON peer.pledge_recipients (pledge_id);
CREATE INDEX ON peer.pledge_recipients (actor_id, pledge_id);

CREATE TABLE peer.pledge_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pledge_id uuid NOT NULL REFERENCES peer.pledges ON DELETE CASCADE,
    description text NOT NULL,
    category text,
    quantity bigint,
    unit text
);
INSERT INTO peer.pledge_items (pledge_id, description, category, quantity, unit)
SELECT r.id, e ->> 'description', e ->> 'category', (e ->> 'quantity')::bigint, e ->> 'unit'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'items') AS e
 WHERE r.type = 'pledge';
CREATE INDEX ON peer.pledge_items (pledge_id);

CREATE TABLE peer.pledge_sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pledge_id uuid NOT NULL REFERENCES peer.pledges ON DELETE CASCADE,
    source_id uuid NOT NULL REFERENCES peer.sources,
    locator text
);
INSERT INTO peer.pledge_sources (pledge_id, source_id, locator)
SELECT r.id, (e -> 'source' ->> 'id')::uuid, e ->> 'locator'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'sources') AS e
 WHERE r.type = 'pledge';
CREATE INDEX ON peer.pledge_sources (pledge_id);

CREATE TABLE peer.statements (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    identifiers jsonb NOT NULL,
    speaker_id uuid REFERENCES peer.people,
    on_behalf_of_id uuid REFERENCES peer.actors,
    round_id uuid REFERENCES peer.rounds,
    said_on date,
    mode text NOT NULL,
    act text,
    channel text,
    topics text[] NOT NULL,
    tracks text[] NOT NULL,
    search tsvector NOT NULL
);
INSERT INTO peer.statements
SELECT id, version, recorded_at, recorded_at, document -> 'identifiers', (document -> 'speaker' ->> 'id')::uuid,
       (document -> 'on_behalf_of' ->> 'id')::uuid, (document -> 'round' ->> 'id')::uuid, (document ->> 'said_on')::date,
       document ->> 'mode', document ->> 'act', document ->> 'channel',
       ARRAY(SELECT jsonb_array_elements_text(document -> 'topics')),
       ARRAY(SELECT jsonb_array_elements_text(document -> 'tracks')),
       (SELECT to_tsvector('english', string_agg(e ->> 'text', ' ')) FROM jsonb_array_elements(document -> 'texts') AS e)
  FROM revisions
 WHERE type = 'statement';
CREATE INDEX ON peer.statements USING gin (search);
CREATE INDEX ON peer.statements (said_on, id);

CREATE TABLE peer.statement_texts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_id uuid NOT NULL REFERENCES peer.statements,
    lang text NOT NULL,
    text text NOT NULL,
    original boolean
);
INSERT INTO peer.statement_texts (statement_id, lang, text, original)
SELECT r.id, e ->> 'lang', e ->> 'text', (e ->> 'original')::boolean
  FROM revisions AS r, jsonb_array_elements(r.document -> 'texts') AS e
 WHERE r.type = 'statement';
CREATE INDEX ON peer.statement_texts (statement_id);

CREATE TABLE peer.statement_sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_id uuid NOT NULL REFERENCES peer.statements,
    source_id uuid NOT NULL REFERENCES peer.sources,
    locator text
);
INSERT INTO peer.statement_sources (statement_id, source_id, locator)
SELECT r.id, (e -> 'source' ->> 'id')::uuid, e ->> 'locator'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'sources') AS e
 WHERE r.type = 'statement';
CREATE INDEX ON peer.statement_sources (statement_id);

CREATE TABLE peer.round_sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id uuid NOT NULL REFERENCES peer.rounds,
    source_id uuid NOT NULL REFERENCES peer.sources,
    locator text
);
INSERT INTO peer.round_sources (round_id, source_id, locator)
SELECT r.id, (e -> 'source' ->> 'id')::uuid, e ->> 'locator'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'sources') AS e
 WHERE r.type = 'round';
CREATE INDEX ON peer.round_sources (round_id);

CREATE TABLE peer.delegation_sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delegation_id uuid NOT NULL REFERENCES peer.delegations,
    source_id uuid NOT NULL REFERENCES peer.sources,
    locator text
);
INSERT INTO peer.delegation_sources (delegation_id, source_id, locator)
SELECT r.id, (e -> 'source' ->> 'id')::uuid, e ->> 'locator'
  FROM revisions AS r, jsonb_array_elements(r.document -> 'sources') AS e
 WHERE r.type = 'delegation';
CREATE INDEX ON peer.delegation_sources (delegation_id);
