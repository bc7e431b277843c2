What there is: see api/coverage.py.

-- position --
SELECT coalesce(max(v.position), 0) AS position
  FROM revisions AS v

-- coverage --
WITH days AS (
    SELECT t.id, t.first_day, t.last_day
      FROM rounds AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.first_day, t.last_day
      FROM meetings AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.first_day, t.last_day
      FROM statements AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.first_day, t.last_day
      FROM pledges AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.first_day, t.last_day
      FROM transactions AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.started_on, t.ended_on
      FROM processes AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.dated, t.dated
      FROM documents AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.asserted_on, t.asserted_on
      FROM claims AS t
     WHERE t.to_position IS NULL
     UNION ALL
    SELECT t.id, t.published_on, t.published_on
      FROM sources AS t
     WHERE t.to_position IS NULL
), live AS MATERIALIZED (
    SELECT r.id, r.type, r.version, r.updated_at,
           CASE WHEN isfinite(coalesce(d.first_day, d.last_day)) THEN coalesce(d.first_day, d.last_day) END AS first_day,
           CASE WHEN isfinite(coalesce(d.last_day, d.first_day)) THEN coalesce(d.last_day, d.first_day) END AS last_day
      FROM records AS r
      LEFT JOIN days AS d ON d.id = r.id
     WHERE r.state = 'live'
), types AS (
    SELECT l.type, count(*) AS count, min(least(l.first_day, l.last_day)) AS earliest,
           max(greatest(l.first_day, l.last_day)) AS latest, max(l.updated_at) AS changed_at,
           md5(string_agg(l.id || ':' || l.version || chr(10), '' ORDER BY l.id)) AS checksum
      FROM live AS l
     GROUP BY l.type
), cited AS (
    SELECT k.to_id, count(*) AS count, min(least(l.first_day, l.last_day)) AS earliest,
           max(greatest(l.first_day, l.last_day)) AS latest, max(l.updated_at) AS changed_at
      FROM links AS k
      JOIN live AS l ON l.id = k.from_id
     WHERE k.path = '/sources/source'
       AND k.to_position IS NULL
     GROUP BY k.to_id
), most AS (
    SELECT c.to_id, c.count, c.earliest, c.latest, c.changed_at
      FROM cited AS c
     ORDER BY c.count DESC, c.to_id
     LIMIT 1000
)
SELECT (SELECT coalesce(max(v.position), 0) FROM revisions AS v) AS position,
       (SELECT json_object_agg(
                   t.type,
                   json_build_object('count', t.count, 'earliest', t.earliest, 'latest', t.latest,
                                     'changed_at', to_char(t.changed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                     'checksum', t.checksum))
          FROM types AS t) AS types,
       (SELECT json_agg(json_build_object('source', r.label::json, 'count', m.count, 'earliest', m.earliest,
                                          'latest', m.latest,
                                          'changed_at', to_char(m.changed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                        ORDER BY m.count DESC, m.to_id)
          FROM most AS m
          JOIN records AS r ON r.id = m.to_id) AS sources,
       (SELECT count(*) FROM cited) AS sources_total
