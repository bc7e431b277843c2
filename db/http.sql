What api/http.py keeps: the secret of cursors, and answers to requests with an Idempotency-Key.

-- secret --
SELECT value
  FROM secrets
 WHERE name = 'cursor'

-- lock_key --
SELECT pg_try_advisory_xact_lock(hashtextextended(%(lock)s, 7205760002)) AS locked

-- recall --
SELECT request_hash, status, headers, body
  FROM idempotency
 WHERE key_id = %(key_id)s
   AND idempotency_key = %(key)s
   AND created_at > %(since)s

-- forget --
DELETE FROM idempotency
 WHERE created_at <= %(since)s

-- remember --
INSERT INTO idempotency (key_id, idempotency_key, request_hash, status, headers, body, created_at)
VALUES (%(key_id)s, %(key)s, %(request_hash)s, %(status)s, %(headers)s::jsonb, %(body)s, %(created_at)s)
