-- A batch that is worked off later waits in batch_inputs; a worker locks its row and deletes it in the transaction of the write.

ALTER TABLE batches
ADD COLUMN attempts integer NOT NULL DEFAULT 0,
ADD COLUMN problem json;

COMMENT ON COLUMN batches.attempts IS 'how often a worker began it';
COMMENT ON COLUMN batches.problem IS 'why nothing of it was kept';

CREATE TABLE batch_inputs (
    id uuid PRIMARY KEY REFERENCES batches (id) ON DELETE CASCADE,
    provider text NOT NULL,
    key_name text NOT NULL,
    admin boolean NOT NULL,
    media_type text NOT NULL,
    body bytea NOT NULL
);

COMMENT ON COLUMN batch_inputs.body IS 'the body of the request, gzipped';
ALTER TABLE batch_inputs ALTER COLUMN body SET STORAGE EXTERNAL;
