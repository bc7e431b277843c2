What the write path has to know of a set's neighbours. See consequences.py.

-- children --
SELECT r.id, r.type, r.version, r.position, r.state, r.provider, r.admin, r.hash, r.label, r.label_position,
       r.created_at, r.updated_at, r.merged_into, r.reason, v.document, v.overlay
  FROM links AS l
  JOIN records AS r ON r.id = l.from_id
  JOIN revisions AS v ON v.position = r.position
 WHERE l.to_id = ANY(%(ids)s::uuid[])
   AND l.from_type = %(type)s
   AND l.path = %(path)s
   AND l.to_position IS NULL
 ORDER BY r.id

-- chain --
WITH RECURSIVE chain (from_id, to_id) AS (
    SELECT l.from_id, l.to_id
      FROM links AS l
     WHERE l.from_id = ANY(%(ids)s::uuid[])
       AND l.path = %(path)s
       AND l.to_position IS NULL
     UNION
    SELECT l.from_id, l.to_id
      FROM chain
      JOIN links AS l
        ON l.from_id = chain.to_id
       AND l.path = %(path)s
       AND l.to_position IS NULL
)
SELECT from_id, to_id
  FROM chain
