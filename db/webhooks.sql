Endpoints that are told of changes, and what they answered. See api/webhooks.py and api/deliveries.py.

-- create --
INSERT INTO webhooks (id, url, types, description, enabled, secret, position, next_attempt_at, created_at, updated_at)
SELECT %(id)s, %(url)s, %(types)s::text[], %(description)s::text, %(enabled)s, %(secret)s,
       least(%(position)s::bigint, head.position), %(now)s, %(now)s, %(now)s
  FROM (SELECT coalesce(max(v.position), 0) AS position FROM revisions AS v) AS head
 WHERE (SELECT count(*) FROM webhooks) < %(most)s

-- list --
SELECT id, url, types, description, enabled, disabled_reason, previous_secret_until, position, failed_attempts,
       failing_since, next_attempt_at, created_at, updated_at
  FROM webhooks
 WHERE (%(last)s::uuid IS NULL OR id > %(last)s)
 ORDER BY id
 LIMIT %(limit)s::int + 1

-- one --
SELECT id, url, types, description, enabled, disabled_reason, secret, previous_secret, previous_secret_until, position,
       failed_attempts, failing_since, next_attempt_at, created_at, updated_at
  FROM webhooks
 WHERE id = %(id)s

-- lock --
SELECT id
  FROM webhooks
 WHERE id = %(id)s
   FOR UPDATE

-- change --
UPDATE webhooks
   SET url = %(url)s, types = %(types)s, description = %(description)s, enabled = %(enabled)s,
       disabled_reason = CASE WHEN NOT %(enabled)s THEN disabled_reason END,
       position = least(coalesce(%(position)s::bigint, position),
                        (SELECT coalesce(max(v.position), 0) FROM revisions AS v)),
       failed_attempts = 0, failing_since = NULL, next_attempt_at = %(now)s, updated_at = %(now)s
 WHERE id = %(id)s

-- rotate --
UPDATE webhooks
   SET previous_secret = secret, previous_secret_until = %(until)s, secret = %(secret)s, updated_at = %(now)s
 WHERE id = %(id)s

-- delete --
DELETE FROM webhooks
 WHERE id = %(id)s

-- due --
SELECT id
  FROM webhooks
 WHERE enabled
   AND next_attempt_at <= %(now)s
   AND position < (SELECT max(v.position) FROM revisions AS v)
 ORDER BY next_attempt_at

-- hold --
SELECT pg_try_advisory_xact_lock(hashtextextended(%(id)s::text, 7205760003)) AS held

-- turn --
SELECT id, url, types, secret, previous_secret, previous_secret_until, position, failed_attempts, failing_since,
       updated_at
  FROM webhooks
 WHERE id = %(id)s
   AND enabled
   AND next_attempt_at <= %(now)s

-- accepted --
UPDATE webhooks
   SET position = %(told)s, failed_attempts = 0, failing_since = NULL, next_attempt_at = %(now)s
 WHERE id = %(id)s
   AND position = %(position)s

-- failed --
UPDATE webhooks
   SET failed_attempts = failed_attempts + 1, failing_since = coalesce(failing_since, %(now)s),
       next_attempt_at = %(next_attempt_at)s, enabled = %(disabled_reason)s::text IS NULL,
       disabled_reason = %(disabled_reason)s
 WHERE id = %(id)s
   AND updated_at = %(updated_at)s

-- log --
INSERT INTO webhook_deliveries (webhook, id, event, message, position, attempt, sent_at, ended_at, accepted, status,
                                error, response)
SELECT w.id, %(id)s, %(event)s, %(message)s, %(position)s::bigint, %(attempt)s, %(sent_at)s, %(ended_at)s,
       %(accepted)s, %(status)s::integer, %(error)s::text, %(response)s::text
  FROM webhooks AS w
 WHERE w.id = %(webhook)s
   FOR KEY SHARE

-- deliveries --
SELECT id, event, message, position, attempt, sent_at, ended_at, accepted, status, error, response
  FROM webhook_deliveries
 WHERE webhook = %(webhook)s
   AND (%(last)s::uuid IS NULL OR id < %(last)s)
 ORDER BY id DESC
 LIMIT %(limit)s::int + 1

-- forget --
DELETE FROM webhook_deliveries
 WHERE webhook = %(id)s
   AND id < (SELECT d.id
               FROM webhook_deliveries AS d
              WHERE d.webhook = %(id)s
              ORDER BY d.id DESC
             OFFSET %(kept)s - 1
              LIMIT 1)
