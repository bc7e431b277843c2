-- filter --
(%(round)s::text[] IS NULL OR t.round = ANY(ids('round', %(round)s)))
       AND (%(meeting)s::text[] IS NULL OR t.meeting = ANY(ids('meeting', %(meeting)s)))
       AND (%(process)s::text[] IS NULL
            OR t.round IN (SELECT r.id FROM rounds AS r WHERE {period:r} AND r.process = ANY(ids('process', %(process)s))))
       AND (%(represents)s::text[] IS NULL OR t.represents && ids('actor', %(represents)s))
       AND ((%(person)s::text[] IS NULL AND %(role)s::text[] IS NULL)
            OR (t.id, t.from_position) IN (
                   SELECT m.id, m.from_position
                     FROM delegations_members AS m
                    WHERE (%(person)s::text[] IS NULL OR m.person = ANY(ids('person', %(person)s)))
                      AND (%(role)s::text[] IS NULL OR m.role = ANY(%(role)s))))

-- project --
, members AS (
    INSERT INTO delegations_members (id, from_position, person, role)
    SELECT new.id, new.from_position, ref(m -> 'person'), m ->> 'role'
      FROM new
     CROSS JOIN jsonb_array_elements(d -> 'members') AS m
)
INSERT INTO delegations (id, from_position, to_position, created_at, updated_at, round, meeting, represents)
SELECT id, from_position, to_position, created_at, updated_at,
       ref(d -> 'round'), ref(d -> 'meeting'), refs(d -> 'represents')
  FROM new
