-- What pledges and transactions are filtered, sorted and summed by; and the rates by which money is converted.

CREATE TABLE pledges (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    undelivered boolean NOT NULL,
    PRIMARY KEY (id, from_position)
);
COMMENT ON COLUMN pledges.currency IS 'of all its amounts; null where no money is stated';
COMMENT ON COLUMN pledges.amount_min IS 'the least it amounts to, as far as stated: the amount itself where no less is';
COMMENT ON COLUMN pledges.announced_on IS 'the first day of the date that is shown; first_day and last_day also span what is claimed';
COMMENT ON COLUMN pledges.donors IS 'those who pay';
COMMENT ON COLUMN pledges.split IS 'whether it is known who pays how much, so that pledges_donors adds up to the pledge';
CREATE INDEX pledges_by_id ON pledges (id) WHERE to_position IS NULL;
CREATE INDEX pledges_by_update ON pledges (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX pledges_by_announcement ON pledges (coalesce(announced_on, 'infinity'), id) WHERE to_position IS NULL;
CREATE INDEX pledges_by_latest ON pledges (coalesce(announced_on, '-infinity'), id) WHERE to_position IS NULL;
CREATE INDEX pledges_by_largest ON pledges (coalesce(amount, '-infinity'), id) WHERE to_position IS NULL;
CREATE INDEX pledges_by_days ON pledges (last_day, first_day) WHERE to_position IS NULL;
CREATE INDEX pledges_by_donor ON pledges USING gin (donors) WHERE to_position IS NULL;
CREATE INDEX pledges_by_recipient ON pledges USING gin (recipients) WHERE to_position IS NULL;
CREATE INDEX pledges_by_place ON pledges (announced_at) WHERE to_position IS NULL;
CREATE INDEX pledges_by_process ON pledges (process) WHERE to_position IS NULL;

CREATE TABLE pledges_donors (
    id uuid NOT NULL,
    from_position bigint NOT NULL,
    donor uuid,
    amount numeric,
    amount_min numeric,
    amount_max numeric
);
COMMENT ON TABLE pledges_donors IS 'what each paying donor pays; of a pledge that is not split, the whole for each. No donor: nobody knows who pays';
CREATE INDEX pledges_donors_of ON pledges_donors (id, from_position);

CREATE TABLE transactions (
    id uuid NOT NULL REFERENCES records (id),
    from_position bigint NOT NULL,
    to_position bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    pledge uuid NOT NULL,
    kind text NOT NULL,
    amount numeric,
    dated date,
    first_day date,
    last_day date,
    certain boolean NOT NULL,
    PRIMARY KEY (id, from_position)
);
CREATE INDEX transactions_by_id ON transactions (id) WHERE to_position IS NULL;
CREATE INDEX transactions_by_update ON transactions (updated_at, id) WHERE to_position IS NULL;
CREATE INDEX transactions_by_pledge ON transactions (pledge) WHERE to_position IS NULL;
CREATE INDEX transactions_by_day ON transactions (coalesce(dated, 'infinity'), id) WHERE to_position IS NULL;
CREATE INDEX transactions_by_days ON transactions (last_day, first_day) WHERE to_position IS NULL;

CREATE TABLE rates (
    currency text NOT NULL,
    day date NOT NULL,
    per_euro numeric NOT NULL CHECK (per_euro > 0),
    PRIMARY KEY (currency, day)
);
COMMENT ON TABLE rates IS 'ECB euro foreign exchange reference rates (db/rates.py loads them); the euro itself is 1 on each of their days';
