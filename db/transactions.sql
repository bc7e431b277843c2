-- sorts --
dated date
amount numeric

-- bounds --
dated >= from unless (t.first_day < t.last_day) IS TRUE
dated <= to

-- filter --
(%(pledge)s::text[] IS NULL OR t.pledge = ANY(ids('pledge', %(pledge)s)))
       AND (%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
       AND (%(from)s::date IS NULL OR t.last_day >= %(from)s)
       AND (%(to)s::date IS NULL OR t.first_day <= %(to)s)
       AND (%(date_match)s::text IS DISTINCT FROM 'certain' OR t.certain
            AND (%(from)s::date IS NULL OR t.first_day >= %(from)s)
            AND (%(to)s::date IS NULL OR t.last_day <= %(to)s))

-- project --
INSERT INTO transactions (id, from_position, to_position, created_at, updated_at, pledge, kind, amount, dated, first_day,
                          last_day, certain)
SELECT id, from_position, to_position, created_at, updated_at, ref(d -> 'pledge'), d ->> 'kind',
       (d -> 'amount' ->> 'value')::numeric, first_day(shown(d -> 'dated')), first_day(d -> 'dated'),
       last_day(d -> 'dated'), is_certain(d -> 'dated')
  FROM new
