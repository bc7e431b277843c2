-- sorts --
published_on date

-- filter --
(%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
       AND (%(publisher)s::text[] IS NULL OR t.publisher = ANY(ids('actor', %(publisher)s)))
       AND (%(language)s::text[] IS NULL OR t.language = ANY(%(language)s))
       AND (%(url)s::text IS NULL OR t.url = %(url)s)

-- project --
INSERT INTO sources (id, from_position, to_position, created_at, updated_at, kind, publisher, language, url,
                     published_on)
SELECT id, from_position, to_position, created_at, updated_at,
       d ->> 'kind', ref(d -> 'publisher'), d ->> 'language', d ->> 'url', first_day(shown(d -> 'published_on'))
  FROM new
