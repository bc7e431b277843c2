-- sorts --
starts_on date
ends_on date
number integer
name text

-- filter --
(%(process)s::text[] IS NULL OR t.process = ANY(ids('process', %(process)s)))
       AND (%(parent)s::text[] IS NULL OR t.parent = ANY(ids('round', %(parent)s)))
       AND (%(party)s::text[] IS NULL
            OR t.process IN (SELECT p.id FROM processes AS p WHERE {period:p} AND p.parties && ids('actor', %(party)s))
            OR t.id IN (SELECT g.round FROM delegations AS g WHERE {period:g} AND g.represents && ids('actor', %(party)s)))
       AND (%(status)s::text[] IS NULL OR t.status = ANY(%(status)s))
       AND (%(format)s::text[] IS NULL OR t.formats && %(format)s)
       AND (%(track)s::text[] IS NULL OR t.tracks && %(track)s)
       AND (%(country)s::text[] IS NULL OR t.country = ANY(%(country)s))
       AND (%(third_party)s::text[] IS NULL OR t.third_parties && ids('actor', %(third_party)s))
       AND (%(number)s::int[] IS NULL OR t.number = ANY(%(number)s::int[]))
       AND (%(from)s::date IS NULL OR t.last_day >= %(from)s)
       AND (%(to)s::date IS NULL OR t.first_day <= %(to)s)
       AND (%(date_match)s::text IS DISTINCT FROM 'certain' OR t.certain
            AND (%(from)s::date IS NULL OR t.first_day >= %(from)s)
            AND (%(to)s::date IS NULL OR t.last_day <= %(to)s))

-- project --
INSERT INTO rounds (id, from_position, to_position, created_at, updated_at, process, parent, number, name, status,
                    starts_on, ends_on, first_day, last_day, certain, formats, tracks, country, third_parties)
SELECT id, from_position, to_position, created_at, updated_at,
       ref(d -> 'process'), ref(d -> 'parent'), (d ->> 'number')::int, d ->> 'name', d ->> 'status',
       first_day(shown(d -> 'starts_on')), last_day(shown(d -> 'ends_on')),
       first_day(coalesce(d -> 'starts_on', d -> 'ends_on')), last_day(coalesce(d -> 'ends_on', d -> 'starts_on')),
       is_certain(coalesce(d -> 'starts_on', d -> 'ends_on')) AND is_certain(coalesce(d -> 'ends_on', d -> 'starts_on')),
       texts(d -> 'formats'), texts(d -> 'tracks', 'track'), d -> 'venue' ->> 'country',
       refs(d -> 'third_parties', 'actor')
  FROM new
