-- What became of a batch is answered again for thirty days.

CREATE TABLE batches (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    atomic boolean NOT NULL,
    dry_run boolean NOT NULL,
    total integer NOT NULL,
    done integer NOT NULL,
    counts json,
    results bytea,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
COMMENT ON COLUMN batches.results IS 'the JSON array of results, in input order, as it was answered';
CREATE INDEX batches_by_time ON batches (created_at);
