-- Who cannot keep asking for changes is told of them: each endpoint remembers how far down the log it has been told.

CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    types text [] NOT NULL,
    description text,
    enabled boolean NOT NULL,
    disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
    secret text NOT NULL,
    previous_secret text,
    previous_secret_until timestamptz,
    position bigint NOT NULL,
    failed_attempts integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

COMMENT ON COLUMN webhooks.types IS 'the types of records it is told of; empty: all';
COMMENT ON COLUMN webhooks.secret IS 'as it is, not hashed: whoever signs must know it';
COMMENT ON COLUMN webhooks.position IS 'the revision it was told of last: all that come later wait for it, and nothing else is a queue';
COMMENT ON COLUMN webhooks.updated_at IS 'when an admin changed it; deliveries do not move it';

CREATE TABLE webhook_deliveries (
    webhook uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    event text NOT NULL,
    message text NOT NULL,
    position bigint,
    attempt integer NOT NULL,
    sent_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    accepted boolean NOT NULL,
    status integer,
    error text,
    response text,
    PRIMARY KEY (webhook, id)
);

COMMENT ON TABLE webhook_deliveries IS 'what endpoints answered; the last 1,000 of each are kept';
COMMENT ON COLUMN webhook_deliveries.position IS 'null: a test';
