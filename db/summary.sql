What pledges add up to: one statement, its slots filled by summary.py and, for the choice of rows, as for every list.

-- whole --

     UNION ALL
    SELECT TRUE, NULL, NULL, a.shared, a.currency, a.why, a.pledges, a.imprecise, a.value, a.min, a.max, a.with_min, a.with_max,
           a.converted_value, a.converted_min, a.converted_max
      FROM alike AS a

-- parted --

     UNION ALL
    SELECT FALSE, {key_1}, {key_2}, c.shared, c.currency, r.why, 1, (r.rate_day IS NOT NULL AND c.imprecise)::int,
           d.amount, d.amount_min, d.amount_max, num_nonnulls(d.amount_min), num_nonnulls(d.amount_max),
           d.amount * r.rate, d.amount_min * r.rate, d.amount_max * r.rate
      FROM counted AS c
      JOIN pledges_donors AS d
        ON d.id = c.id
       AND d.from_position = c.from_position
      {rates}{of_parted}
     WHERE c.parted

-- named_whole --

     UNION ALL
    SELECT TRUE, NULL, NULL, c.shared, c.currency, r.why, (array_agg(c.id))[1:%(most)s::int]
      FROM counted AS c
      {rates}
     WHERE (%(explain)s::boolean OR r.why IS NOT NULL)
       AND {asked}
     GROUP BY c.shared, c.currency, r.why

-- summary --
WITH pin AS (
    SELECT {pin} AS position
){hits}, found AS {kept} (
    SELECT t.id, t.from_position, t.status, t.category, t.currency, t.amount, t.amount_min, t.amount_max, t.recipients,
           t.donors, t.split AND cardinality(t.donors) > 1 AS parted,
           coalesce(t.announced_on, '-infinity') AS day, t.last_day,
           NOT t.certain OR t.announced_on < t.last_day AS imprecise,
           {shared} AS shared,
           CASE WHEN e.superseded THEN 'superseded' WHEN e.off THEN t.status END AS excluded,
           NOT (e.superseded OR e.off) AS counts
      FROM {table} AS t{join}
     CROSS JOIN LATERAL (
               SELECT t.superseded_by IS NOT NULL AS superseded,
                      %(status)s::text[] IS NULL AND t.status IN ('discussed', 'cancelled', 'expired') AS off) AS e
     WHERE {period}
       AND {filter}
), counted AS {kept} (
    SELECT f.id, f.from_position, {own_1} AS key_1, {own_2} AS key_2, {donors} AS donors, {recipients} AS recipients,
           {parted} AS parted, f.status, f.shared, f.currency, f.day, f.imprecise, f.amount, f.amount_min, f.amount_max
      FROM found AS f
     WHERE f.counts
), summed AS MATERIALIZED (  -- of those that are alike, for what follows takes longer
    SELECT c.donors, c.recipients, c.key_1, c.key_2, c.parted, c.shared, c.currency, {day} AS day, {imprecise} AS imprecise,
           count(*) AS pledges, sum(c.amount) AS value, sum(c.amount_min) AS min, sum(c.amount_max) AS max,
           count(c.amount_min) AS with_min, count(c.amount_max) AS with_max
      FROM counted AS c
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), money AS (
    SELECT DISTINCT s.currency, s.day
      FROM summed AS s
     WHERE s.currency IS NOT NULL
), series AS (
    SELECT c.currency,
           (SELECT min(r.day) FROM rates AS r WHERE r.currency = c.currency) AS first,
           (SELECT max(r.day) FROM rates AS r WHERE r.currency = c.currency) AS last
      FROM (SELECT m.currency FROM money AS m UNION SELECT %(convert)s::text UNION SELECT 'EUR') AS c
), rated AS (
    SELECT m.currency, m.day, r.day AS rate_day, CASE WHEN m.currency = %(convert)s THEN 1 ELSE r.rate END AS rate,
           CASE WHEN r.rate IS NOT NULL OR m.currency = %(convert)s THEN NULL
                WHEN m.day = '-infinity' THEN 'no_date'
                WHEN m.day < euro.first THEN 'before_rates'
                WHEN source.first IS NULL OR target.first IS NULL THEN 'no_series'
                WHEN m.day < greatest(source.first, target.first) THEN 'before_series'
                WHEN m.day <= least(source.last, target.last) THEN 'gap'
                WHEN least(source.last, target.last) < euro.last THEN 'series_ended'
                ELSE 'not_yet_known'
            END AS why
      FROM money AS m
      JOIN series AS source ON source.currency = m.currency
      JOIN series AS target ON target.currency = %(convert)s
      JOIN series AS euro ON euro.currency = 'EUR'
      LEFT JOIN LATERAL (
               SELECT s.day, round(t.per_euro / s.per_euro, 18) AS rate
                 FROM rates AS s
                 JOIN rates AS t
                   ON t.currency = %(convert)s
                  AND t.day = s.day
                WHERE s.currency = m.currency
                  AND s.currency <> %(convert)s
                  AND s.day BETWEEN m.day - 7 AND m.day
                ORDER BY s.day DESC
                LIMIT 1) AS r ON TRUE
), alike AS MATERIALIZED (
    SELECT c.donors, c.recipients, c.key_1, c.key_2, c.parted, c.shared, c.currency, r.why, sum(c.pledges) AS pledges,
           sum(CASE WHEN r.rate_day IS NOT NULL AND c.imprecise THEN c.pledges ELSE 0 END) AS imprecise,
           sum(c.value) AS value, sum(c.min) AS min, sum(c.max) AS max,
           sum(c.with_min) AS with_min, sum(c.with_max) AS with_max,
           sum(c.value * r.rate) AS converted_value,
           sum(c.min * r.rate) AS converted_min,
           sum(c.max * r.rate) AS converted_max
      FROM summed AS c
      {rates}
     GROUP BY c.donors, c.recipients, c.key_1, c.key_2, c.parted, c.shared, c.currency, r.why
), part AS (
    SELECT FALSE AS total, {key_1} AS key_1, {key_2} AS key_2, c.shared, c.currency, c.why, c.pledges, c.imprecise,
           c.value, c.min, c.max, c.with_min, c.with_max, c.converted_value, c.converted_min, c.converted_max
      FROM alike AS c{joins}
     WHERE NOT c.parted{parts}{whole}
), cell AS (
    SELECT p.total, p.key_1::text, p.key_2::text, p.shared, p.currency, p.why, sum(p.pledges) AS pledges,
           sum(p.imprecise) AS imprecise,
           sum(p.value)::text AS value,
           CASE WHEN sum(p.pledges) = sum(p.with_min) THEN sum(p.min)::text END AS min,
           CASE WHEN sum(p.pledges) = sum(p.with_max) THEN sum(p.max)::text END AS max,
           sum(p.converted_value)::text AS converted_value,
           CASE WHEN sum(p.pledges) = sum(p.with_min) THEN sum(p.converted_min)::text END AS converted_min,
           CASE WHEN sum(p.pledges) = sum(p.with_max) THEN sum(p.converted_max)::text END AS converted_max
      FROM part AS p
     GROUP BY p.total, p.key_1, p.key_2, p.shared, p.currency, p.why
), named AS (  -- apart, for what gathers ids is sorted before it is added up, which takes longer
    SELECT FALSE AS total, {key_1}::text AS key_1, {key_2}::text AS key_2, c.shared, c.currency, r.why,
           (array_agg(c.id))[1:%(most)s::int] AS ids
      FROM counted AS c
      {rates}{joins}
     WHERE (%(explain)s::boolean OR r.why IS NOT NULL)
       AND {asked}
     GROUP BY {key_1}, {key_2}, c.shared, c.currency, r.why{named_whole}
)
SELECT CASE WHEN %(explain)s THEN (SELECT count(*) FROM found) END AS found,
       (SELECT json_agg(cell) FROM cell) AS cells,
       (SELECT json_agg(named) FROM named) AS named,
       (SELECT json_object_agg(r.id, r.label::json)
          FROM records AS r
         WHERE r.id IN (SELECT k.key::uuid  -- what is no id is a word: of a status, a currency …
                          FROM (SELECT cell.key_1 FROM cell UNION SELECT cell.key_2 FROM cell) AS k (key)
                         WHERE k.key ~ '^[0-9a-f]{{8}}-[0-9a-f-]{{27}}$')) AS labels,
       (SELECT json_agg(json_build_object('currency', u.currency, 'day', u.rate_day, 'rate', u.rate::text,
                                          'pledges', u.pledges) ORDER BY u.currency, u.rate_day)
          FROM (SELECT c.currency, r.rate_day, r.rate, sum(c.pledges) AS pledges
                  FROM summed AS c
                  {rates}
                 WHERE r.rate_day IS NOT NULL
                 GROUP BY c.currency, r.rate_day, r.rate) AS u) AS rates,
       (SELECT json_agg(json_build_object('pledge', o.label::json, 'status', c.status, 'shared', c.shared,
                                          'day', nullif(c.day, '-infinity'), 'currency', c.currency,
                                          'value', c.amount::text, 'min', c.amount_min::text,
                                          'max', c.amount_max::text, 'rate', r.rate::text, 'rate_day', r.rate_day,
                                          'imprecise', r.rate_day IS NOT NULL AND c.imprecise,
                                          'why', r.why) ORDER BY c.id)
          FROM counted AS c
          JOIN records AS o ON o.id = c.id
          {rates}
         WHERE %(explain)s
           AND (SELECT count(*) FROM found) <= %(most)s) AS counted,
       (SELECT json_agg(json_build_object('pledge', r.label::json, 'status', f.status, 'reason', f.excluded)
                        ORDER BY f.id)
          FROM found AS f
          JOIN records AS r ON r.id = f.id
         WHERE NOT f.counts
           AND %(explain)s
           AND (SELECT count(*) FROM found) <= %(most)s) AS excluded
