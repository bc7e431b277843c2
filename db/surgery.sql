Merging, restoring and erasing. See surgery.py.

-- referrers --
SELECT DISTINCT l.from_id, l.path
  FROM links AS l
 WHERE l.to_id = %(id)s
   AND l.to_position IS NULL
 ORDER BY l.from_id, l.path

-- follow --
UPDATE records
   SET merged_into = %(into)s
 WHERE merged_into = %(id)s

-- last --
SELECT v.document, v.overlay
  FROM revisions AS v
 WHERE v.id = %(id)s
   AND v.document IS NOT NULL
 ORDER BY v.version DESC
 LIMIT 1

-- erase --
UPDATE revisions
   SET document = NULL,
       overlay = NULL,
       changed = '{}'
 WHERE id = %(id)s

-- unserve --
DELETE FROM served
 WHERE id = %(id)s

-- unproject --
DELETE FROM {table}
 WHERE id = %(id)s

-- unname --
DELETE FROM identifiers
 WHERE id = %(id)s

-- relabel --
UPDATE served AS s
   SET doc = replace(s.doc, %(old)s, %(new)s),
       stamp = greatest(s.stamp, %(position)s)
  FROM (SELECT DISTINCT from_id FROM links WHERE to_id = %(id)s) AS l
 WHERE s.id = l.from_id
   AND strpos(s.doc, %(old)s) > 0

-- unlabel --
UPDATE records
   SET label = %(new)s,
       label_position = %(position)s
 WHERE id = %(id)s

-- forget --
DELETE FROM idempotency
 WHERE strpos(convert_from(body, 'UTF8'), %(id)s::text) > 0
