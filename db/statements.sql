-- sorts --
said_on date

-- bounds --
said_on >= from unless (t.first_day < t.last_day) IS TRUE
said_on <= to

-- filter --
(%(speaker)s::text[] IS NULL OR t.speaker = ANY(ids('person', %(speaker)s)))
       AND (%(speaker_actor)s::text[] IS NULL OR t.speaker_actor = ANY(ids('actor', %(speaker_actor)s)))
       AND (%(on_behalf_of)s::text[] IS NULL OR t.on_behalf_of = ANY(ids('actor', %(on_behalf_of)s)))
       AND (%(about)s::text[] IS NULL OR t.about && any_ids(%(about)s))
       AND (%(round)s::text[] IS NULL OR t.concerns && ids('round', %(round)s))
       AND (%(meeting)s::text[] IS NULL OR t.concerns && ids('meeting', %(meeting)s))
       AND (%(process)s::text[] IS NULL OR t.concerns && ARRAY(
               WITH RECURSIVE part (id) AS (
                   SELECT unnest(ids('process', %(process)s))
                    UNION
                   SELECT l.from_id
                     FROM part
                     JOIN links AS l
                       ON l.to_id = part.id
                      AND l.from_type = ANY('{round,delegation,document,pledge}')
                      AND l.path = ANY('{/process,/round,/parent}')
                      AND {period:l}
               )
               SELECT id FROM part))
       AND (%(track)s::text[] IS NULL OR t.tracks && %(track)s)
       AND (%(topic)s::text[] IS NULL OR t.topics && %(topic)s)
       AND (%(act)s::text[] IS NULL OR t.act = ANY(%(act)s))
       AND (%(mode)s::text[] IS NULL OR t.mode = ANY(%(mode)s))
       AND (%(channel)s::text[] IS NULL OR t.channel = ANY(%(channel)s))
       AND (%(from)s::date IS NULL OR t.last_day >= %(from)s)
       AND (%(to)s::date IS NULL OR t.first_day <= %(to)s)
       AND (%(date_match)s::text IS DISTINCT FROM 'certain' OR t.certain
            AND (%(from)s::date IS NULL OR t.first_day >= %(from)s)
            AND (%(to)s::date IS NULL OR t.last_day <= %(to)s))

-- text --
best_text(s.doc::json -> 'texts', %(lang)s::text[], %(allow_machine)s::boolean)

-- include_thread --
(SELECT coalesce(string_agg(e.doc, ',' ORDER BY e.said_on, e.id), '')
   FROM (SELECT o.id, o.doc, t.said_on
           FROM (WITH RECURSIVE thread (id) AS (
                     SELECT s.id
                      UNION
                     SELECT near.id
                       FROM thread
                      CROSS JOIN LATERAL (
                          SELECT l.to_id AS id
                            FROM links AS l
                           WHERE l.from_id = thread.id AND l.path = '/relations/statement' AND {period:l}
                           UNION ALL
                          SELECT l.from_id
                            FROM links AS l
                           WHERE l.to_id = thread.id AND l.from_type = 'statement' AND l.path = '/relations/statement'
                             AND {period:l}
                      ) AS near
                 )
                 SELECT id FROM thread LIMIT 501) AS thread
           JOIN served AS o ON o.id = thread.id AND {period:o}
           JOIN statements AS t ON t.id = o.id AND t.from_position = o.from_position
          WHERE o.id <> s.id) AS e)

-- project --
INSERT INTO statements (id, from_position, to_position, created_at, updated_at, speaker, speaker_actor, on_behalf_of,
                        said_on, first_day, last_day, certain, mode, act, channel, topics, tracks, about, concerns)
SELECT id, from_position, to_position, created_at, updated_at,
       ref(d -> 'speaker'), ref(d -> 'speaker_actor'), ref(d -> 'on_behalf_of'),
       first_day(shown(d -> 'said_on')), first_day(d -> 'said_on'), last_day(d -> 'said_on'),
       is_certain(d -> 'said_on'),
       d ->> 'mode', d ->> 'act', d ->> 'channel', texts(d -> 'topics'), texts(d -> 'tracks'), refs(d -> 'about'),
       array_remove(refs(d -> 'about') || ref(d -> 'round') || ref(d -> 'meeting'), NULL)
  FROM new
