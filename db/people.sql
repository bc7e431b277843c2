-- sorts --
name text

-- filter --
((%(organization)s::text[] IS NULL AND %(position_on)s::date IS NULL)
        OR (t.id, t.from_position) IN (
               SELECT p.id, p.from_position
                 FROM people_positions AS p
                WHERE (%(organization)s::text[] IS NULL OR p.organization = ANY(ids('actor', %(organization)s)))
                  AND (%(position_on)s::date IS NULL OR %(position_on)s BETWEEN p.first_day AND p.last_day)))

-- project --
, posts AS (
    INSERT INTO people_positions (id, from_position, organization, first_day, last_day)
    SELECT new.id, new.from_position, ref(p -> 'organization'),
           coalesce(first_day(p -> 'from'), '-infinity'), coalesce(last_day(p -> 'to'), 'infinity')
      FROM new
     CROSS JOIN jsonb_array_elements(d -> 'positions') AS p
)
INSERT INTO people (id, from_position, to_position, created_at, updated_at, name)
SELECT id, from_position, to_position, created_at, updated_at, d ->> 'name'
  FROM new
