How every list is read: one statement, its slots filled by lists.py from the resource's own filter.

-- keys --
{begin}SELECT t.id, t.from_position,
       (SELECT s.stamp FROM served AS s WHERE s.id = t.id AND s.from_position = t.from_position) AS stamp,
       {key} AS key, {position} AS position
  FROM {table} AS t{join}
 WHERE {period}
   AND {filter}
   AND {after}
 ORDER BY {key} {way}, t.id {way}
 LIMIT %(limit)s::int + 1

-- pinned --
WITH pin AS (
    SELECT coalesce({pin}, 0) AS position
){hits}

-- now --
(SELECT v.position
   FROM revisions AS v
  ORDER BY v.position DESC  -- max() takes longer to plan
  LIMIT 1)

-- then --
(SELECT v.position
   FROM revisions AS v
  WHERE v.recorded_at <= %(as_of)s::timestamptz
  ORDER BY v.recorded_at DESC, v.position DESC  -- for the greatest position, all that came later would be read
  LIMIT 1)

-- part --
(SELECT t.id, t.from_position, {key} AS key
   FROM {table} AS t
  WHERE {period}
    AND {filter}
    AND {after}
  ORDER BY {key} {way}, t.id {way}
  LIMIT %(limit)s::int + 1)

-- past --
(SELECT t.*  -- any of them may be what is filtered by
   FROM {table} AS t
  WHERE t.from_position <= {at}
    AND t.to_position > {at}
    AND t.to_position IS NOT NULL  -- of which the planner knows how many there are
 OFFSET 0  -- else it might walk the order of the list to its end for one of them
)

-- live --
SELECT s.version, s.stamp, s.doc
  FROM served AS s
 WHERE s.id = coalesce(%(id)s::uuid, (SELECT i.id
                                        FROM identifiers AS i
                                       WHERE i.scheme = %(scheme)s
                                         AND i.identifier = %(identifier)s
                                         AND i.type = %(type)s
                                         AND i.to_position IS NULL))
   AND s.type = %(type)s
   AND s.to_position IS NULL

-- documents --
SELECT s.from_position, s.stamp, s.doc
  FROM unnest(%(ids)s::uuid[], %(positions)s::bigint[]) AS k (id, position)
  JOIN served AS s
    ON s.id = k.id
   AND s.from_position = k.position

-- page --
{pinned}, found AS (
    SELECT t.id, t.from_position, {key} AS key
      FROM {table} AS t{join}
     WHERE {period}
       AND {filter}
       AND {after}
     ORDER BY key {way}, t.id {way}
     LIMIT %(limit)s::int + 1
), numbered AS (
    SELECT found.id, found.from_position, found.key,
           row_number() OVER (ORDER BY found.key {way}, found.id {way}) AS number
      FROM found
)
SELECT {position} AS position,
       count(*) > %(limit)s::int AS more,
       max(n.key::text) FILTER (WHERE n.number = %(limit)s::int) AS key,
       max(n.id::text) FILTER (WHERE n.number = %(limit)s::int) AS id,
       string_agg({document}, ',' ORDER BY n.number) FILTER (WHERE n.number <= %(limit)s::int) AS items,
       {languages} AS languages,
       {total} AS total
  FROM numbered AS n
  JOIN served AS s
    ON s.id = n.id
   AND s.from_position = n.from_position

-- total --
(SELECT count(*)
   FROM {table} AS t{join}
  WHERE {period}
    AND {filter})

-- common --
(%(id)s::text[] IS NULL OR t.id = ANY(ids('{type}', %(id)s)))
       AND (%(identifier)s::text[] IS NULL OR t.id = ANY(ids('{type}', %(identifier)s)))
       AND (%(updated_since)s::timestamptz IS NULL OR t.updated_at >= %(updated_since)s)
       AND (%(source)s::text[] IS NULL OR (t.id, t.from_position) IN (
               SELECT l.from_id, l.from_position
                 FROM links AS l
                WHERE l.path = '/sources/source'
                  AND l.to_id = ANY(ids('source', %(source)s))))

-- hits --
, hits AS MATERIALIZED (
    SELECT scored.id, scored.from_position, scored.score
      FROM (SELECT s.id, s.from_position, {score} AS score
              FROM served AS s
             WHERE s.type = '{type}'
               AND {period}
               AND {match}
            OFFSET 0) AS scored  -- else each row would be scored twice
     WHERE scored.score > 0.0000005  -- ts_rank gives next to nothing, and not 0, where no word counts
)

-- score --
(coalesce(name_score(%(names)s, s.spellings), 0)
                    + CASE WHEN s.search @@ search_query(%(q)s)
                           THEN ts_rank(s.search, search_query(%(q)s)) / 10
                           ELSE 0  -- ts_rank alone also counts a part of the words
                      END)::numeric(8, 6)

-- score_words --
ts_rank(s.search, search_query(%(q)s))

-- words --
s.search @@ ANY (search_queries(%(q)s))

-- words_of_all --
s.type = 'statement' AND s.search @@ ANY (search_queries(%(q)s))
                OR s.type <> 'statement' AND s.search @@ ANY (search_queries(%(q)s))

-- match_words --
{words}
               AND (%(unwanted)s::text IS NULL OR NOT s.search @@ search_query(%(unwanted)s))

-- match --
({words} OR s.spellings ~ %(pattern)s)
               AND (%(unwanted)s::text IS NULL OR NOT s.search @@ search_query(%(unwanted)s))

-- highlight --
highlights(s.doc, %(q)s)

-- embed --
(SELECT coalesce(string_agg(e.doc, ',' ORDER BY e.id), '')
   FROM (SELECT o.id, o.doc
           FROM served AS o
          WHERE o.type = '{type}'
            AND (o.id, o.from_position) IN (
                    SELECT l.from_id, l.from_position
                      FROM links AS l
                     WHERE l.to_id = s.id
                       AND l.from_type = '{type}'
                       AND {links_period})
          ORDER BY o.id
          LIMIT 500) AS e)

-- expand --
(SELECT replace_each(replace_each({doc}, x.labels, x.marks), x.marks, x.docs)  -- marks: what is put in stays as it is
   FROM (SELECT array_agg(r.label ORDER BY r.id) AS labels,
                array_agg(chr(1) || r.id ORDER BY r.id) AS marks,
                array_agg(o.doc ORDER BY r.id) AS docs
           FROM {linked}) AS x)

-- linked --
(SELECT DISTINCT l.to_id FROM links AS l WHERE l.from_id = s.id AND l.from_position = s.from_position) AS l
                   JOIN records AS r ON r.id = l.to_id AND r.type = ANY('{{{types}}}')
                   JOIN served AS o ON o.id = r.id AND {period}

-- sparse --
(SELECT '{{' || coalesce(string_agg(to_json(f.key) || ':' || f.value, ','), '') || '}}'
   FROM json_each(({doc})::json) AS f (key, value)
  WHERE f.key = ANY(%(fields)s::text[]))
