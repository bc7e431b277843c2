-- sorts --
dated date
title text

-- filter --
(%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
       AND (%(author)s::text[] IS NULL OR t.authors && ids('actor', %(author)s))
       AND (%(process)s::text[] IS NULL
            OR t.process = ANY(ids('process', %(process)s))
            OR t.round IN (SELECT r.id FROM rounds AS r WHERE {period:r} AND r.process = ANY(ids('process', %(process)s))))
       AND (%(round)s::text[] IS NULL OR t.round = ANY(ids('round', %(round)s)))
       AND (%(status)s::text[] IS NULL OR t.status = ANY(%(status)s))
       AND (%(topic)s::text[] IS NULL OR t.topics && %(topic)s)

-- project --
INSERT INTO documents (id, from_position, to_position, created_at, updated_at, kind, title, authors, process, round,
                       status, dated, topics)
SELECT id, from_position, to_position, created_at, updated_at, d ->> 'kind', d ->> 'title', refs(d -> 'authors'),
       ref(d -> 'process'), ref(d -> 'round'), d ->> 'status', first_day(shown(d -> 'dated')),
       texts(d -> 'provisions', 'topic')
  FROM new
