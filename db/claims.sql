-- sorts --
asserted_on date

-- filter --
(%(record)s::text[] IS NULL OR t.record = ANY(any_ids(%(record)s)))
       AND (%(property)s::text[] IS NULL OR t.property = ANY(%(property)s))
       AND (%(stance)s::text[] IS NULL OR t.stance = ANY(%(stance)s))
       AND (%(rank)s::text[] IS NULL OR t.rank = ANY(%(rank)s))
       AND (%(asserted_by)s::text[] IS NULL OR t.asserted_by = ANY(ids('person actor', %(asserted_by)s)))

-- project --
INSERT INTO claims (id, from_position, to_position, created_at, updated_at, record, property, stance, rank,
                    asserted_by, asserted_on)
SELECT id, from_position, to_position, created_at, updated_at, ref(d -> 'record'), d ->> 'property', d ->> 'stance',
       d ->> 'rank', ref(d -> 'asserted_by'), first_day(shown(d -> 'asserted_on'))
  FROM new
