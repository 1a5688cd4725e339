"""No one reads another organisation's data, and what is written for good stays: what the database itself enforces."""

from engine.invariants.form import Invariant, Scope
from migrations.guards import FOR_GOOD

# As PostgreSQL writes the policy back; on the organisation's own table the column is `id`.
_POLICY = "({column} = (NULLIF(current_setting('app.organisation_id'::text, true), ''::text))::uuid)"
_OWN_ROWS = f"""CASE c.relname WHEN 'organisation' THEN $policy${_POLICY.format(column="id")}$policy$
    ELSE $policy${_POLICY.format(column="organisation_id")}$policy$ END"""
_TABLES = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
_KEPT = ", ".join(f"'{table}'" for table in FOR_GOOD)

TENANCY = (
    Invariant(
        name="tables_keep_tenants_apart",
        promise="No one reads or writes another organisation's data: row level security is on, forced and complete.",
        sql=f"""
            SELECT c.relname AS "table", c.relrowsecurity AS is_on, c.relforcerowsecurity AS is_forced,
                   p.own AS own_policies, p.others AS other_policies
            FROM pg_class c
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE is_own) AS own, count(*) FILTER (WHERE NOT is_own) AS others
                FROM (SELECT polpermissive AND polcmd = '*' AND polroles = '{{0}}'::oid[]
                             AND pg_get_expr(polqual, polrelid) IS NOT DISTINCT FROM ({_OWN_ROWS})
                             AND pg_get_expr(polwithcheck, polrelid) IS NOT DISTINCT FROM ({_OWN_ROWS}) AS is_own
                      FROM pg_policy WHERE polrelid = c.oid AND polpermissive) policy
            ) p
            WHERE {_TABLES}
              AND (c.relname = 'organisation' OR EXISTS (
                  SELECT FROM pg_attribute
                  WHERE attrelid = c.oid AND attname = 'organisation_id' AND NOT attisdropped))
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND p.own > 0 AND p.others = 0)
        """,
        says="Table {table}: row level security on: {is_on}, forced: {is_forced}, policies on the own organisation: "
        "{own_policies}, wider ones: {other_policies}",
        scope=Scope.SCHEMA,
    ),
    Invariant(
        name="application_is_bound_by_policies",
        promise="The application works as a role that is no superuser, does not bypass policies and owns no table.",
        sql=f"""
            SELECT r.rolname AS role, r.rolsuper AS is_superuser, r.rolbypassrls AS bypasses,
                   coalesce(string_agg(c.relname, ', ' ORDER BY c.relname), 'none') AS owns
            FROM pg_roles r
            LEFT JOIN pg_class c ON {_TABLES} AND pg_has_role(r.oid, c.relowner, 'MEMBER')
            WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls OR c.oid IS NOT NULL)
            GROUP BY r.rolname, r.rolsuper, r.rolbypassrls
        """,
        says="Role {role}: superuser: {is_superuser}, bypasses policies: {bypasses}, owns tables: {owns}",
        scope=Scope.SCHEMA,
    ),
    Invariant(
        name="what_is_written_for_good_stays",
        promise="History, ledger, billing, invoices, credit notes and quotes are only ever added to.",
        sql=f"""
            SELECT c.relname AS "table", t.tgenabled IN ('O', 'A') AS refuses,
                   has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
                   OR has_table_privilege(c.oid, 'TRUNCATE') AS may_change
            FROM pg_class c
            LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'append_only'
            WHERE {_TABLES} AND c.relname IN ({_KEPT})
              AND (t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A') OR has_table_privilege(c.oid, 'UPDATE')
                   OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))
        """,
        says="Table {table}: refuses changes: {refuses}, the application may change or delete: {may_change}",
        scope=Scope.SCHEMA,
    ),
)
