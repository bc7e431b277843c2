-- A filter names records, and the planner looks them up while it plans. As SQL, the body of this function was planned anew
-- for every statement, which took longer than the rest of a list; PL/pgSQL keeps its plan as long as the connection.

CREATE OR REPLACE FUNCTION ids(wanted text, names text []) RETURNS uuid []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN ARRAY(
        SELECT coalesce(r.merged_into, r.id)
          FROM unnest(names) AS n (name)
          JOIN records AS r
            ON r.id = CASE WHEN n.name ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$' THEN n.name::uuid END
         UNION
        SELECT coalesce(r.merged_into, r.id)
          FROM unnest(names) AS n (name)
          JOIN identifiers AS i
            ON i.scheme = split_part(n.name, ':', 1)
           AND i.identifier = substr(n.name, strpos(n.name, ':') + 1)
           AND i.type = ANY (string_to_array(wanted, ' '))
          JOIN records AS r ON r.id = i.id
    );
END
$$;
