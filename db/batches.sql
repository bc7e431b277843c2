What became of batches. See api/batches.py.

-- forget --
DELETE FROM batches
 WHERE created_at <= %(since)s

-- keep --
INSERT INTO batches (id, provider, status, atomic, dry_run, total, done, counts, results, created_at, finished_at)
VALUES (%(id)s, %(provider)s, 'done', %(atomic)s, %(dry_run)s, %(total)s, %(total)s, %(counts)s::json, %(results)s,
        %(created_at)s, %(created_at)s)

-- one --
SELECT id, provider, status, atomic, dry_run, total, done, counts, results, created_at, finished_at
  FROM batches
 WHERE id = %(id)s
   AND created_at > %(since)s
