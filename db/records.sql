The life of a record: from the log to what is served. See records.py.
Few rows are written by plans that are kept: planning would take longer than the work. Many are planned for, each time.
Lists are sent in binary (%(x)b): as text, psycopg quotes each entry, which takes longer than the insert itself.

-- lock --
SELECT pg_advisory_xact_lock(7205760001)

-- plan_once --
SELECT set_config('plan_cache_mode', 'force_generic_plan', true)

-- head --
SELECT coalesce(max(position), 0) AS position,
       greatest(clock_timestamp(), max(recorded_at)) AS recorded_at
  FROM (SELECT position, recorded_at FROM revisions ORDER BY position DESC LIMIT 1) AS last

-- named --
SELECT i.type, i.scheme, i.identifier, i.id
  FROM unnest(%(schemes)b::text[], %(identifiers)b::text[]) AS wanted (scheme, identifier)
 CROSS JOIN LATERAL (
           SELECT i.type, i.scheme, i.identifier, i.id
             FROM identifiers AS i
            WHERE i.scheme = wanted.scheme
              AND i.identifier = wanted.identifier
              AND i.to_position IS NULL
           OFFSET 0) AS i  -- a look into the index for each: for many, all of it would be read, which takes ten times as long

-- known --
SELECT v.document, v.overlay, r.hash, r.created_at, r.updated_at, r.id, r.type, r.version, r.position, r.state,
       r.provider, r.admin, r.label, r.label_position, r.merged_into, r.reason
  FROM records AS r
  LEFT JOIN revisions AS v
    ON v.position = r.position
   AND r.id = ANY(%(targets)b::uuid[])
 WHERE r.id = ANY(%(ids)b::uuid[])

-- referrers --
SELECT n.to_id, n.from_id, n.from_type, n.path
  FROM (SELECT l.to_id, l.from_id, l.from_type, l.path,
               row_number() OVER (PARTITION BY l.to_id ORDER BY l.from_id, l.path) AS number
          FROM links AS l
         WHERE l.to_id = ANY(%(ids)b::uuid[])
           AND l.to_position IS NULL
           AND l.from_id <> ALL(%(touched)b::uuid[])) AS n
 WHERE n.number <= %(each)s
 ORDER BY n.from_id, n.path

-- append --
INSERT INTO revisions (position, id, type, version, op, recorded_at, provider, key_name, admin, batch, merged_into,
                       reason, changed, document, overlay, hash)
SELECT n.position, n.id, n.type, n.version, n.op, %(recorded_at)s::timestamptz, %(provider)s, %(key_name)s,
       n.admin, %(batch)s::uuid, n.merged_into, n.reason, n.changed::text[], n.document, n.overlay, n.hash
  FROM unnest(%(position)b::bigint[], %(id)b::uuid[], %(type)b::text[], %(version)b::int[], %(op)b::text[],
              %(admin)b::boolean[], %(merged_into)b::uuid[], %(reason)b::text[], %(changed)b::text[], %(document)b::jsonb[],
              %(overlay)b::jsonb[], %(hash)b::bytea[])
       AS n (position, id, type, version, op, admin, merged_into, reason, changed, document, overlay, hash)

-- keep --
INSERT INTO records AS r (id, type, version, position, state, provider, admin, hash, label, label_position,
                          created_at, updated_at, merged_into, reason)
SELECT n.id, n.type, n.version, n.position, n.state, n.provider, n.admin, n.hash, n.label, n.label_position,
       n.created_at, n.updated_at, n.merged_into, n.reason
  FROM unnest(%(id)b::uuid[], %(type)b::text[], %(version)b::int[], %(position)b::bigint[], %(state)b::text[],
              %(provider)b::text[], %(admin)b::boolean[], %(hash)b::bytea[], %(label)b::text[], %(label_position)b::bigint[],
              %(created_at)b::timestamptz[], %(updated_at)b::timestamptz[], %(merged_into)b::uuid[],
              %(reason)b::text[])
       AS n (id, type, version, position, state, provider, admin, hash, label, label_position, created_at,
             updated_at, merged_into, reason)
    ON CONFLICT (id) DO UPDATE
   SET version = excluded.version,
       position = excluded.position,
       state = excluded.state,
       admin = excluded.admin,
       hash = excluded.hash,
       label = excluded.label,
       label_position = excluded.label_position,
       updated_at = excluded.updated_at,
       merged_into = excluded.merged_into,
       reason = excluded.reason

-- name --
INSERT INTO identifiers (type, scheme, identifier, id, from_position, to_position)
SELECT n.type, n.scheme, n.identifier, n.id, n.from_position, n.to_position
  FROM unnest(%(types)b::text[], %(schemes)b::text[], %(identifiers)b::text[], %(ids)b::uuid[],
              %(from_positions)b::bigint[], %(to_positions)b::bigint[])
       AS n (type, scheme, identifier, id, from_position, to_position)
    ON CONFLICT (scheme, identifier, type, to_position) DO NOTHING

-- close --
UPDATE {table} AS t
   SET to_position = n.position
  FROM unnest(%(ids)b::uuid[], %(positions)b::bigint[]) AS n (id, position)
 WHERE t.{id} = n.id
   AND t.to_position IS NULL

-- serve --
INSERT INTO served (id, from_position, to_position, type, version, stamp, doc, spellings, search)
SELECT n.id, n.from_position, n.to_position, n.type, n.version, n.stamp, n.doc, n.spellings, search_vector(n.texts)
  FROM unnest(%(id)b::uuid[], %(position)b::bigint[], %(to_position)b::bigint[], %(type)b::text[], %(version)b::int[],
              %(stamp)b::bigint[], %(doc)b::text[], %(spellings)b::text[], %(texts)b::jsonb[])
       AS n (id, from_position, to_position, type, version, stamp, doc, spellings, texts)

-- link --
INSERT INTO links (from_id, from_type, path, to_id, from_position, to_position)
SELECT n.from_id, n.from_type, n.path, n.to_id, n.from_position, n.to_position
  FROM unnest(%(from_id)b::uuid[], %(from_type)b::text[], %(path)b::text[], %(to_id)b::uuid[],
              %(position)b::bigint[], %(to_position)b::bigint[])
       AS n (from_id, from_type, path, to_id, from_position, to_position)

-- sort_in --
SELECT sum(gin_clean_pending_list(i.indexrelid)) AS pages
  FROM pg_index AS i
  JOIN pg_class AS c
    ON c.oid = i.indexrelid
  JOIN pg_am AS a
    ON a.oid = c.relam
 WHERE a.amname = 'gin'
   AND c.relnamespace = current_schema()::text::regnamespace
   AND pg_has_role(c.relowner, 'USAGE')  -- only the owner may

-- new --
SELECT n.id, n.from_position, n.to_position, n.created_at, n.updated_at, n.d
  FROM unnest(%(id)b::uuid[], %(position)b::bigint[], %(to_position)b::bigint[], %(created_at)b::timestamptz[],
              %(updated_at)b::timestamptz[], %(typed)b::jsonb[])
       AS n (id, from_position, to_position, created_at, updated_at, d)

-- served --
SELECT s.doc, s.stamp
  FROM served AS s
 WHERE s.id = %(id)s
   AND s.to_position IS NULL

-- relabel --
WITH changed AS (
    SELECT l.from_id, l.from_position, array_agg(n.old ORDER BY n.id) AS olds, array_agg(n.new ORDER BY n.id) AS news,
           max(n.position) AS position
      FROM unnest(%(ids)b::uuid[], %(olds)b::text[], %(news)b::text[], %(positions)b::bigint[])
           AS n (id, old, new, position)
      JOIN (SELECT DISTINCT to_id, from_id, from_position FROM links WHERE to_id = ANY(%(ids)b::uuid[])) AS l
        ON l.to_id = n.id
     GROUP BY l.from_id, l.from_position
)
UPDATE served AS s
   SET doc = replace_each(s.doc, c.olds, c.news),
       stamp = greatest(s.stamp, c.position)
  FROM changed AS c
 WHERE s.id = c.from_id
   AND s.from_position = c.from_position
   AND replace_each(s.doc, c.olds, c.news) <> s.doc

-- log --
SELECT position, id, type, version, op, recorded_at, provider, admin, merged_into, reason, document, overlay, hash,
       lead(position) OVER (PARTITION BY id ORDER BY position) AS to_position
  FROM revisions
 ORDER BY position

-- one --
WITH target AS (
    {target}
     WHERE r.type = %(type)s
       AND r.id = coalesce(%(id)s::uuid, (SELECT i.id
                                            FROM identifiers AS i
                                           WHERE i.scheme = %(scheme)s
                                             AND i.identifier = %(identifier)s
                                             AND i.type = %(type)s
                                             AND {held}))
)
SELECT target.id, target.state, target.merged_into, target.reason, target.updated_at,
       s.version, s.stamp, CASE WHEN s.id IS NOT NULL THEN {document} END AS doc, {languages} AS languages
  FROM target
  LEFT JOIN served AS s
    ON s.id = target.id
   AND {period}

-- today --
SELECT r.id, r.state, r.merged_into, r.reason, r.updated_at
      FROM records AS r

-- then --
SELECT r.id, v.op AS state, (ids_at({position}, '', ARRAY[v.merged_into::text]))[1] AS merged_into, v.reason, v.recorded_at AS updated_at
      FROM records AS r
      JOIN revisions AS v
        ON v.position = (SELECT earlier.position
                           FROM revisions AS earlier
                          WHERE earlier.id = r.id
                            AND earlier.recorded_at <= %(as_of)s::timestamptz
                          ORDER BY earlier.version DESC
                          LIMIT 1)

-- history --
WITH target AS (
    SELECT r.id
      FROM records AS r
     WHERE r.type = %(type)s
       AND r.id = coalesce(%(id)s::uuid, (SELECT i.id
                                            FROM identifiers AS i
                                           WHERE i.scheme = %(scheme)s
                                             AND i.identifier = %(identifier)s
                                             AND i.type = %(type)s
                                             AND i.to_position IS NULL))
), page AS (
    SELECT v.version, row_number() OVER (ORDER BY v.version) AS number,
           json_build_object(
               'version', v.version,
               'op', v.op,
               'recorded_at', to_char(v.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               'provider', v.provider,
               'key', v.key_name,
               'batch', v.batch,
               'reason', v.reason,
               'changed', v.changed
           ) AS doc
      FROM target
      JOIN revisions AS v ON v.id = target.id
     WHERE v.version > coalesce(%(after)s::int, 0)
     ORDER BY v.version
     LIMIT %(limit)s::int + 1
)
SELECT (SELECT id FROM target) AS id,
       count(*) > %(limit)s::int AS more,
       max(page.version) FILTER (WHERE page.number = %(limit)s::int) AS last,
       string_agg(page.doc::text, ',' ORDER BY page.number) FILTER (WHERE page.number <= %(limit)s::int) AS items
  FROM page
