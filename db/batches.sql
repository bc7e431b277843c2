Batches: what became of them, and those that wait for a worker. See api/batches.py.

-- forget --
DELETE FROM batches
 WHERE created_at <= %(since)s

-- keep --
INSERT INTO batches (id, provider, status, atomic, dry_run, total, done, counts, results, created_at, finished_at)
VALUES (%(id)s, %(provider)s, %(status)s, %(atomic)s, %(dry_run)s, %(total)s, %(done)s, %(counts)s::json, %(results)s,
        %(created_at)s, %(finished_at)s)

-- one --
SELECT id, provider, status, atomic, dry_run, total, done, counts, results, problem, created_at, finished_at
  FROM batches
 WHERE id = %(id)s
   AND created_at > %(since)s

-- enqueue --
  WITH batch AS (
       INSERT INTO batches (id, provider, status, atomic, dry_run, total, done, created_at)
       VALUES (%(id)s, %(provider)s, %(status)s, %(atomic)s, %(dry_run)s, %(total)s, %(done)s, %(created_at)s)
       RETURNING id, provider)
INSERT INTO batch_inputs (id, provider, key_name, admin, media_type, body)
SELECT id, provider, %(key_name)s, %(admin)s, %(media_type)s, %(body)s
  FROM batch

-- queued --
SELECT count(*) AS number
  FROM batch_inputs
 WHERE provider = %(provider)s

-- cancel --
UPDATE batches
   SET status = 'cancelled', finished_at = %(now)s
 WHERE id = %(id)s
   AND status IN ('queued', 'running')

-- waiting --
SELECT id
  FROM batch_inputs
 LIMIT 1

-- be_noticed --
SELECT set_config('idle_in_transaction_session_timeout', %(silence)s, true),
       set_config('client_connection_check_interval', '1s', true),
       set_config('tcp_keepalives_idle', '10', true),
       set_config('tcp_keepalives_interval', '5', true),
       set_config('tcp_keepalives_count', '2', true)

-- still_here --
SELECT 1

-- without_job --
SELECT waiting.id, waiting.provider
  FROM batch_inputs AS waiting
 WHERE NOT EXISTS (
       SELECT job.id
         FROM procrastinate.procrastinate_jobs AS job
        WHERE job.args ->> 'id' = waiting.id::text)
 ORDER BY waiting.id

-- take --
SELECT id, provider, key_name, admin, media_type, body
  FROM batch_inputs
 WHERE id = %(id)s
   FOR UPDATE NOWAIT

-- end_if_silent --
SELECT pg_terminate_backend(holder.pid)
  FROM batch_inputs AS held
  JOIN pg_locks ON pg_locks.transactionid = held.xmax AND pg_locks.granted
  JOIN pg_stat_activity AS holder ON holder.pid = pg_locks.pid
 WHERE held.id = %(id)s
   AND holder.wait_event = 'ClientRead'
   AND holder.state_change < clock_timestamp() - %(silence)s::interval

-- begin --
UPDATE batches
   SET status = 'running', attempts = attempts + 1, done = 0
 WHERE id = %(id)s
   AND status IN ('queued', 'running')
RETURNING attempts, atomic, dry_run, total, created_at

-- tell --
UPDATE batches
   SET done = %(done)s
 WHERE id = %(id)s
   AND status = 'running'

-- finish --
UPDATE batches
   SET status = %(status)s, done = total, counts = %(counts)s::json, results = %(results)s,
       problem = %(problem)s::json, finished_at = %(finished_at)s
 WHERE id = %(id)s
   AND status = 'running'

-- drop --
DELETE FROM batch_inputs
 WHERE id = %(id)s
