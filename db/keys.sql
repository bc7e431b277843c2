-- create --
INSERT INTO keys (id, name, provider, scopes, hash, created_at, expires_at)
VALUES (%(id)s, %(name)s, %(provider)s, %(scopes)s, %(hash)s, %(created_at)s, %(expires_at)s)

-- find --
SELECT encode(hash, 'hex'), id, name, provider, array_to_string(scopes, ' '), expires_at
  FROM keys
 WHERE hash = %(hash)s
   AND revoked_at IS NULL
   AND (expires_at IS NULL OR expires_at > %(now)s)

-- list --
SELECT id, name, provider, scopes, created_at, expires_at, revoked_at
  FROM keys
 ORDER BY created_at, id

-- revoke --
UPDATE keys
   SET revoked_at = %(now)s
 WHERE (id::text = %(key)s OR name = %(key)s)
   AND revoked_at IS NULL
RETURNING id, name
