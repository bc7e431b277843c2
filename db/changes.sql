The feed of changes: the log, read in its order. See api/changes.py.

-- head --
SELECT coalesce(max(v.position), 0) AS position
  FROM revisions AS v

-- page --
WITH page AS (
    SELECT v.position, v.type, v.id, v.op, v.version, v.recorded_at, v.merged_into, v.document, v.overlay,
           row_number() OVER (ORDER BY v.position) AS number
      FROM revisions AS v
     WHERE v.position > %(after)s::bigint
       AND (%(types)s::text[] IS NULL OR v.type = ANY(%(types)s))
     ORDER BY v.position
     LIMIT %(limit)s::int + 1
)
SELECT count(*) > %(limit)s::int AS more,
       max(p.position) FILTER (WHERE p.number <= %(limit)s::int) AS last,
       (SELECT coalesce(max(v.position), 0) FROM revisions AS v) AS head,
       string_agg(jsonb_strip_nulls(jsonb_build_object(
               'cursor', to_hex(p.position),
               'type', p.type,
               'id', p.id,
               'op', p.op,
               'version', p.version,
               'changed_at', to_char(p.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'merged_into', p.merged_into,
               'record', CASE WHEN %(record)s::boolean
                              THEN p.document || jsonb_build_object(
                                      'id', p.id, 'type', p.type, 'version', p.version, 'contested', contested(p.overlay))
                         END))::text, ',' ORDER BY p.number)
           FILTER (WHERE p.number <= %(limit)s::int) AS items
  FROM page AS p
