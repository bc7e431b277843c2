-- What the talks are filtered and sorted by: one narrow table per resource, a row for each period of a record.

CREATE TABLE actors (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    parent uuid,
    country text,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX actors_by_id ON actors (id) WHERE to_position IS NULL;
CREATE INDEX actors_by_update ON actors (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX actors_by_name ON actors (coalesce(name, E'\U0010ffff'), id) WHERE to_position IS NULL;
CREATE INDEX actors_by_parent ON actors (parent) WHERE to_position IS NULL;
CREATE INDEX actors_by_country ON actors (country) WHERE to_position IS NULL;

CREATE TABLE people (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX people_by_id ON people (id) WHERE to_position IS NULL;
CREATE INDEX people_by_update ON people (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX people_by_name ON people (coalesce(name, E'\U0010ffff'), id) WHERE to_position IS NULL;

CREATE TABLE people_positions (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    organization uuid,
    first_day date NOT NULL,
    last_day date NOT NULL
);
COMMENT ON TABLE people_positions IS 'posts held; an unknown beginning or end is infinitely far, so it never rules a day out';
CREATE INDEX people_positions_of ON people_positions (id, from_position);
CREATE INDEX people_positions_at ON people_positions (organization, first_day, last_day);

CREATE TABLE sources (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text NOT NULL,
    publisher uuid,
    language text,
    url text,
    published_on date,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX sources_by_id ON sources (id) WHERE to_position IS NULL;
CREATE INDEX sources_by_update ON sources (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX sources_by_publisher ON sources (publisher) WHERE to_position IS NULL;
CREATE INDEX sources_by_url ON sources USING hash (url) WHERE to_position IS NULL;

CREATE TABLE processes (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text NOT NULL,
    status text,
    parties uuid[] NOT NULL,
    started_on date,
    ended_on date,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX processes_by_id ON processes (id) WHERE to_position IS NULL;
CREATE INDEX processes_by_update ON processes (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX processes_by_party ON processes USING gin (parties) WHERE to_position IS NULL;

CREATE TABLE rounds (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    third_parties uuid[] NOT NULL,
    PRIMARY KEY (id, from_position)
);
COMMENT ON COLUMN rounds.first_day IS 'the first day on which the round possibly took place; last_day the last';
CREATE INDEX rounds_by_id ON rounds (id) WHERE to_position IS NULL;
CREATE INDEX rounds_by_update ON rounds (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX rounds_by_process ON rounds (process) WHERE to_position IS NULL;
CREATE INDEX rounds_by_days ON rounds (first_day, last_day) WHERE to_position IS NULL;
CREATE INDEX rounds_by_third_party ON rounds USING gin (third_parties) WHERE to_position IS NULL;

CREATE TABLE delegations (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    round uuid,
    meeting uuid,
    represents uuid[] NOT NULL,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX delegations_by_id ON delegations (id) WHERE to_position IS NULL;
CREATE INDEX delegations_by_update ON delegations (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX delegations_by_round ON delegations (round) WHERE to_position IS NULL;
CREATE INDEX delegations_by_actor ON delegations USING gin (represents) WHERE to_position IS NULL;

CREATE TABLE delegations_members (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    person uuid,
    role text NOT NULL
);
CREATE INDEX delegations_members_of ON delegations_members (id, from_position);
CREATE INDEX delegations_members_by_person ON delegations_members (person);
