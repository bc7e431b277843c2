-- sorts --
held_on date
name text

-- filter --
(%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
       AND (%(actor)s::text[] IS NULL OR t.actors && ids('actor', %(actor)s))
       AND (%(person)s::text[] IS NULL OR t.people && ids('person', %(person)s))
       AND (%(country)s::text[] IS NULL OR t.country = ANY(%(country)s))
       AND (%(from)s::date IS NULL OR t.last_day >= %(from)s)
       AND (%(to)s::date IS NULL OR t.first_day <= %(to)s)
       AND (%(date_match)s::text IS DISTINCT FROM 'certain' OR t.certain
            AND (%(from)s::date IS NULL OR t.first_day >= %(from)s)
            AND (%(to)s::date IS NULL OR t.last_day <= %(to)s))

-- project --
INSERT INTO meetings (id, from_position, to_position, created_at, updated_at, kind, name, held_on, first_day, last_day,
                      certain, country, actors, people)
SELECT id, from_position, to_position, created_at, updated_at, d ->> 'kind', d ->> 'name',
       first_day(shown(d -> 'held_on')), first_day(d -> 'held_on'), last_day(d -> 'held_on'),
       is_certain(d -> 'held_on'), d -> 'venue' ->> 'country',
       refs(d -> 'convened_by') || refs(d -> 'chaired_by') || refs(d -> 'participants', 'actor'),
       refs(d -> 'participants', 'person')
  FROM new
