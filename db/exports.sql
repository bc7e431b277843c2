Whole collections, streamed as PostgreSQL writes them. See exports.py.

-- settings --
SELECT set_config('statement_timeout', '1h', TRUE),
       -- by the index the first row comes at once, and nothing goes to disk; what words find is in no index's order
       set_config('enable_sort', CASE WHEN %(q)s::text IS NULL THEN 'off' ELSE 'on' END, TRUE)

-- position --
SELECT coalesce(max(v.position), 0) AS position
  FROM revisions AS v
 WHERE %(as_of)s::timestamptz IS NULL
    OR v.recorded_at <= %(as_of)s

-- total --
WITH pin AS (
    SELECT %(position)s::bigint AS position
){hits}
SELECT {total} AS total

-- copy --
COPY (
    WITH pin AS (
        SELECT %(position)s::bigint AS position
    ){hits}, found AS (
        SELECT s.doc
          FROM {table} AS t{join}
          JOIN served AS s
            ON s.id = t.id
           AND s.from_position = t.from_position
         WHERE {period}
           AND {served}
           AND {filter}
         ORDER BY t.id
    )
    SELECT {columns}
      FROM found AS s{record}
) TO STDOUT ({options})

-- record --

     CROSS JOIN json_to_record(s.doc::json) AS r ({types})

-- cell --
CASE WHEN {cell} ~ '^''*[=+@\t\n\r-]' AND {cell} !~ '^[+-]?[0-9.]+$' THEN '''' || {cell} ELSE {cell} END

-- quoted --
(s.doc::jsonb || jsonb_build_object('{name}', nullif((s.doc::jsonb -> '{name}')::text, 'null')))::text
