-- An identifier may go from one record to another, and a record be merged: what a name meant at a position of the log is
-- told from now on. Identifiers get the period in which they led to a record, like everything else that is made of the log.

-- Writers wait while this runs, in one transaction, as they must: a name written between two steps would be lost.
-- squawk-ignore-file ban-drop-constraint, adding-not-nullable-field, require-concurrent-index-creation

ALTER TABLE identifiers ADD COLUMN from_position bigint;
ALTER TABLE identifiers ADD COLUMN to_position bigint;
ALTER TABLE identifiers DROP CONSTRAINT identifiers_pkey;
DELETE FROM identifiers WHERE EXISTS (SELECT FROM revisions AS v WHERE v.id = identifiers.id AND v.document IS NOT NULL);

-- as db/records.py makes them: a run is what a record says of itself until it says something else, or is there again
WITH said AS (
    SELECT id, type, position, document,
           coalesce(document -> 'identifiers', '[]') AS names,
           lag(document IS NOT NULL) OVER own AS lived,
           lag(coalesce(document -> 'identifiers', '[]')) OVER own AS before
      FROM revisions
    WINDOW own AS (PARTITION BY id ORDER BY position)
), runs AS (
    SELECT id, type, position, names,
           lead(position) OVER (PARTITION BY id ORDER BY position) AS to_position
      FROM said
     WHERE document IS NOT NULL
       AND (lived IS NOT TRUE OR before <> names)
)
INSERT INTO identifiers (type, scheme, identifier, id, from_position, to_position)
SELECT r.type, n.name ->> 'scheme', n.name ->> 'identifier', r.id, r.position, r.to_position
  FROM runs AS r
 CROSS JOIN jsonb_array_elements(r.names) AS n (name)
 -- the names of a merged record go on leading to it, and by it to its target, which has them, too
 WHERE NOT EXISTS (
           SELECT FROM revisions AS m
             JOIN revisions AS last
               ON last.id = m.id
              AND last.document @> jsonb_build_object('identifiers', jsonb_build_array(n.name))
            WHERE m.op = 'merged'
              AND m.type = r.type
              AND m.id <> r.id
              AND last.version = m.version - 1
              AND last.position < r.position
       );

UPDATE identifiers SET from_position = 0 WHERE from_position IS NULL;
ALTER TABLE identifiers ALTER COLUMN from_position SET NOT NULL;
CREATE UNIQUE INDEX identifiers_once ON identifiers (scheme, identifier, type, to_position) NULLS NOT DISTINCT;

-- One step leads from a merged record to the one in its place, however often that was merged itself.
CREATE INDEX records_merged ON records (merged_into) WHERE merged_into IS NOT NULL;
WITH RECURSIVE follow (id, target) AS (
    SELECT r.id, r.merged_into FROM records AS r WHERE r.merged_into IS NOT NULL
    UNION
    SELECT f.id, r.merged_into FROM follow AS f JOIN records AS r ON r.id = f.target WHERE r.merged_into IS NOT NULL
)
UPDATE records AS r
   SET merged_into = f.target
  FROM follow AS f
  JOIN records AS t ON t.id = f.target AND t.merged_into IS NULL
 WHERE f.id = r.id
   AND r.merged_into <> f.target;

CREATE OR REPLACE FUNCTION ids(wanted text, names text []) RETURNS uuid []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
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
           AND i.to_position IS NULL
          JOIN records AS r ON r.id = i.id
    );
END
$$;

-- The same at a position of the log. With a record that was merged by then stands what took its place.
CREATE FUNCTION ids_at(at bigint, wanted text, names text []) RETURNS uuid []
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN ARRAY(
        WITH RECURSIVE found (id) AS (
            SELECT n.name::uuid
              FROM unnest(names) AS n (name)
             WHERE n.name ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'
             UNION ALL
            SELECT i.id
              FROM unnest(names) AS n (name)
              JOIN identifiers AS i
                ON i.scheme = split_part(n.name, ':', 1)
               AND i.identifier = substr(n.name, strpos(n.name, ':') + 1)
               AND i.type = ANY (string_to_array(wanted, ' '))
               AND i.from_position <= at
               AND (i.to_position IS NULL OR i.to_position > at)
        ), walk (id) AS (
            SELECT f.id FROM found AS f
             UNION
            SELECT m.merged_into
              FROM walk AS w
              JOIN revisions AS m
                ON m.id = w.id
               AND m.op = 'merged'
               AND m.position <= at
        )
        SELECT w.id
          FROM walk AS w
         WHERE NOT EXISTS (
                   SELECT FROM revisions AS m
                    WHERE m.id = w.id
                      AND m.op = 'merged'
                      AND m.position <= at
               )
    );
END
$$;
