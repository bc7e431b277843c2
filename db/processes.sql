-- sorts --
name text
started_on date
ended_on date

-- filter --
(%(party)s::text[] IS NULL OR t.parties && ids('actor', %(party)s))
       AND (%(status)s::text[] IS NULL OR t.status = ANY(%(status)s))

-- project --
INSERT INTO processes (id, from_position, to_position, created_at, updated_at, name, status, parties, started_on,
                       ended_on)
SELECT id, from_position, to_position, created_at, updated_at,
       d ->> 'name', d ->> 'status', refs(d -> 'parties'),
       first_day(shown(d -> 'started_on')), last_day(shown(d -> 'ended_on'))
  FROM new
