-- sorts --
title text
amount numeric
announced_on date
effective_from date

-- bounds --
amount >= amount_from unless (t.amount < t.amount_max) IS TRUE
amount <= amount_to unless (t.amount_min < t.amount) IS TRUE
announced_on >= from unless (t.first_day < t.last_day) IS TRUE
announced_on <= to

-- filter --
(%(donor)s::text[] IS NULL OR t.donors && ids('actor', %(donor)s))
       AND (%(recipient)s::text[] IS NULL OR t.recipients && ids('actor', %(recipient)s))
       AND (%(status)s::text[] IS NULL OR t.status = ANY(%(status)s))
       AND (%(category)s::text[] IS NULL OR t.category = ANY(%(category)s))
       AND (%(finance_type)s::text[] IS NULL OR t.finance_type = ANY(%(finance_type)s))
       AND (%(currency)s::text[] IS NULL OR t.currency = ANY(%(currency)s))
       AND (%(amount_from)s::numeric IS NULL
            OR t.currency IS NOT NULL AND coalesce(t.amount_max, 'infinity') >= %(amount_from)s::numeric)
       AND (%(amount_to)s::numeric IS NULL
            OR t.currency IS NOT NULL AND coalesce(t.amount_min, 0) <= %(amount_to)s::numeric)
       AND (%(announced_at)s::text[] IS NULL OR t.announced_at = ANY(ids('meeting round', %(announced_at)s)))
       AND (%(process)s::text[] IS NULL OR t.process = ANY(ids('process', %(process)s)))
       AND (%(undelivered)s::boolean IS NULL OR t.undelivered = %(undelivered)s)
       AND (%(from)s::date IS NULL OR t.last_day >= %(from)s)
       AND (%(to)s::date IS NULL OR t.first_day <= %(to)s)
       AND (%(date_match)s::text IS DISTINCT FROM 'certain' OR t.certain
            AND (%(from)s::date IS NULL OR t.first_day >= %(from)s)
            AND (%(to)s::date IS NULL OR t.last_day <= %(to)s))

-- project --
, pledge AS (
    SELECT new.id, new.from_position, new.to_position, new.created_at, new.updated_at, new.d,
           money.currency, money.amount, money.amount_min, money.amount_max, paid.donors,
           -- a claim or a revision may have changed the amount since the parts were stated: then they add up no longer
           d ->> 'apportionment' = 'stated' AND paid.by_share AS by_share,
           d ->> 'apportionment' = 'stated' AND paid.by_amount AND money.amount = money.amount_min
           AND money.amount = money.amount_max AS by_amount
      FROM new
     CROSS JOIN LATERAL (
               SELECT coalesce(d -> 'amount', d -> 'amount_min', d -> 'amount_max') ->> 'currency' AS currency,
                      (d -> 'amount' ->> 'value')::numeric AS amount,
                      (coalesce(d -> 'amount_min', d -> 'amount') ->> 'value')::numeric AS amount_min,
                      (coalesce(d -> 'amount_max', d -> 'amount') ->> 'value')::numeric AS amount_max) AS money
     CROSS JOIN LATERAL (
               SELECT coalesce(array_agg(DISTINCT ref(e -> 'actor')), '{}') AS donors,
                      bool_and(e ? 'share') AND sum((e ->> 'share')::numeric) = 1 AS by_share,
                      bool_and(coalesce(e -> 'amount' ->> 'currency' = money.currency, e ? 'share'))
                      AND sum(coalesce((e -> 'amount' ->> 'value')::numeric, (e ->> 'share')::numeric * money.amount))
                          = money.amount AS by_amount
                 FROM jsonb_array_elements(d -> 'donors') AS e
                WHERE e ->> 'role' <> 'channel') AS paid
), parts AS (
    INSERT INTO pledges_donors (id, from_position, donor, amount, amount_min, amount_max)
    SELECT p.id, p.from_position, part.donor,
           CASE WHEN p.by_amount THEN part.amount WHEN p.by_share THEN part.share * p.amount ELSE p.amount END,
           CASE WHEN p.by_amount THEN part.amount WHEN p.by_share THEN part.share * p.amount_min ELSE p.amount_min END,
           CASE WHEN p.by_amount THEN part.amount WHEN p.by_share THEN part.share * p.amount_max ELSE p.amount_max END
      FROM pledge AS p
      LEFT JOIN LATERAL (
               SELECT ref(e -> 'actor') AS donor, sum((e ->> 'share')::numeric) AS share,
                      sum(coalesce((e -> 'amount' ->> 'value')::numeric, (e ->> 'share')::numeric * p.amount)) AS amount
                 FROM jsonb_array_elements(p.d -> 'donors') AS e
                WHERE e ->> 'role' <> 'channel'
                GROUP BY ref(e -> 'actor')) AS part ON TRUE
)
INSERT INTO pledges (id, from_position, to_position, created_at, updated_at, title, status, category, finance_type,
                     currency, amount, amount_min, amount_max, announced_on, first_day, last_day, certain, announced_at, process,
                     effective_from, donors, recipients, split, superseded_by, undelivered)
SELECT id, from_position, to_position, created_at, updated_at, d ->> 'title', d ->> 'status', d ->> 'category',
       d ->> 'finance_type', currency, amount, amount_min, amount_max,
       first_day(shown(d -> 'announced_on')), first_day(d -> 'announced_on'), last_day(d -> 'announced_on'),
       is_certain(d -> 'announced_on'), ref(d -> 'announced_at'), ref(d -> 'process'), first_day(shown(d -> 'effective_from')),
       donors, ARRAY(SELECT DISTINCT ref(e) FROM jsonb_array_elements(d -> 'recipients') AS e),
       coalesce(d ->> 'apportionment' = 'sole' OR by_amount OR by_share, FALSE), ref(d -> 'superseded_by'),
       d ->> 'status' NOT IN ('delivered', 'cancelled', 'expired')
       AND EXISTS (SELECT
                     FROM jsonb_array_elements(d -> 'items') AS item
                    WHERE NOT item ? 'quantity_delivered'
                       OR (item ->> 'quantity_delivered')::numeric < (item ->> 'quantity')::numeric)
  FROM pledge
