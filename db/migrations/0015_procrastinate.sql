-- The queue of batches is procrastinate's; its own migrations follow ours, and make its tables in a schema of their own.

CREATE SCHEMA IF NOT EXISTS procrastinate;
