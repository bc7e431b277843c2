Search across all types: one statement over the served documents. The slots are filled by lists.py.

-- page --
WITH pin AS (
    SELECT coalesce(max(v.position), 0) AS position
      FROM revisions AS v
     WHERE %(position)s::bigint IS NULL
), hits AS MATERIALIZED (
    SELECT scored.id, scored.from_position, scored.type, scored.score
      FROM (SELECT s.id, s.from_position, s.type, {score} AS score
              FROM served AS s
             WHERE {period}
               AND {match}
            OFFSET 0) AS scored  -- else each row would be scored twice
     WHERE scored.score > 0
), numbered AS (
    SELECT h.id, h.from_position, h.score, row_number() OVER (ORDER BY h.score DESC, h.id DESC) AS number
      FROM hits AS h
     WHERE (%(types)s::text[] IS NULL OR h.type = ANY(%(types)s))
       AND {after}
     ORDER BY h.score DESC, h.id DESC
     LIMIT %(limit)s::int + 1
)
SELECT coalesce(%(position)s::bigint, (SELECT pin.position FROM pin)) AS position,
       count(*) > %(limit)s::int AS more,
       max(n.score::text) FILTER (WHERE n.number = %(limit)s::int) AS key,
       max(n.id::text) FILTER (WHERE n.number = %(limit)s::int) AS id,
       string_agg(left(r.label, -1) || ',"score":' || n.score {highlight} || '}}', ',' ORDER BY n.number)
           FILTER (WHERE n.number <= %(limit)s::int) AS items,
       (SELECT coalesce(json_object_agg(f.type, f.count ORDER BY f.count DESC, f.type), '{{}}')::text
          FROM (SELECT h.type, count(*) AS count FROM hits AS h GROUP BY h.type) AS f) AS facets
  FROM numbered AS n
  JOIN records AS r ON r.id = n.id
  JOIN served AS s
    ON s.id = n.id
   AND s.from_position = n.from_position
