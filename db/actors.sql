-- sorts --
name text

-- filter --
(%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
       AND (%(country)s::text[] IS NULL OR t.country = ANY(%(country)s))
       AND (%(parent)s::text[] IS NULL OR t.parent = ANY(ids('actor', %(parent)s)))

-- project --
INSERT INTO actors (id, from_position, to_position, created_at, updated_at, name, kind, parent, country)
SELECT id, from_position, to_position, created_at, updated_at,
       d ->> 'name', d ->> 'kind', ref(d -> 'parent'), d ->> 'country'
  FROM new

-- match --
WITH asked AS (
    SELECT a.number, a.rank, a.form, a.pattern
      FROM unnest(%(number)s::int[], %(rank)s::int[], %(form)s::text[], %(pattern)s::text[])
           AS a (number, rank, form, pattern)
), scored AS (
    SELECT a.number, a.rank, a.form, s.id, s.spellings, name_score(a.form, s.spellings) AS score
      FROM asked AS a
      JOIN served AS s
        ON s.type = 'actor'
       AND s.to_position IS NULL
       AND s.spellings ~ a.pattern
      JOIN actors AS t
        ON t.id = s.id
       AND t.to_position IS NULL
       AND (%(kind)s::text IS NULL OR t.kind = %(kind)s)
), best AS (
    SELECT c.number, c.id, c.score, c.form, c.spellings,
           min(c.rank) FILTER (WHERE c.score = 1) OVER (PARTITION BY c.number, c.id) AS rank,
           row_number() OVER (PARTITION BY c.number, c.id ORDER BY c.score DESC, c.rank) AS place
      FROM scored AS c
     WHERE c.score > 0
), ordered AS (
    SELECT b.number, b.id, b.score, b.rank, b.form, b.spellings,
           row_number() OVER (PARTITION BY b.number ORDER BY b.score DESC, b.id) AS place
      FROM best AS b
     WHERE b.place = 1
)
SELECT o.number, o.rank, o.score, r.label,
       (SELECT m.spelling
          FROM unnest(string_to_array(btrim(o.spellings), ' | ')) AS m (spelling)
         ORDER BY name_score(o.form, m.spelling) DESC
         LIMIT 1) AS matched,
       ((s.doc::jsonb -> 'name') || jsonb_path_query_array(s.doc::jsonb, '$.other_names[*].name'))::text AS names
  FROM ordered AS o
  JOIN records AS r ON r.id = o.id
  JOIN served AS s
    ON s.id = o.id
   AND s.to_position IS NULL
 WHERE o.place <= 5
    OR o.rank IS NOT NULL
 ORDER BY o.number, o.score DESC, o.id
