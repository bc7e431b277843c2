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
