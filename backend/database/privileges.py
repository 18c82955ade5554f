"""What the serving role may do: the grants, all in this place.

It owns nothing. What the migrations of a later version add is granted as they make it, by the
owner's default privileges, and is put right to the letter after them.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from backend.database.faults import GIVE_PRIVILEGES
from backend.settings import SettingsError

_WANTED = {
    "DATABASE": ("CONNECT", "TEMPORARY"),  # a reconciliation ends in temporary tables
    "SCHEMA": ("USAGE",),
    "TABLE": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "VIEW": ("SELECT",),
    "SEQUENCE": ("USAGE", "SELECT"),
    "FUNCTION": ("EXECUTE",),
}
_LESS = {
    "audit_events": ("SELECT", "INSERT"),
    "audit_seals": ("SELECT", "INSERT"),
    "audit_erasures": ("SELECT",),
    "alembic_version": ("SELECT",),
}
_MOST_NAMED = 3
_BY_DEFAULT = {"r": "TABLE", "S": "SEQUENCE", "f": "FUNCTION"}

# Of each object `held` is what was granted to the role itself, `has` what it may do in any way.
# Ours is what has the owner of `alembic_version`, in the schema that comes first.
_OBJECTS = text("""
    WITH role AS (SELECT oid FROM pg_roles WHERE rolname = :role),
    owner AS (
        SELECT relowner AS oid FROM pg_class WHERE oid = to_regclass('alembic_version')
    ),
    object (kind, name, short, acl, has) AS (
        SELECT 'DATABASE', quote_ident(d.datname), d.datname::text, d.datacl,
            ARRAY(
                SELECT p FROM unnest('{CONNECT,TEMPORARY}'::text[]) p
                WHERE has_database_privilege(role.oid, d.oid, p)
            )
        FROM role, pg_database d WHERE d.datname = current_database()
        UNION ALL
        SELECT 'SCHEMA', n.oid::regnamespace::text, n.nspname, n.nspacl,
            ARRAY(
                SELECT p FROM unnest('{USAGE,CREATE}'::text[]) p
                WHERE has_schema_privilege(role.oid, n.oid, p)
            )
        FROM role, pg_namespace n WHERE n.nspname = current_schema()
        UNION ALL
        SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'VIEW' ELSE 'TABLE' END,
            c.oid::regclass::text, c.relname, c.relacl,
            ARRAY(
                SELECT p FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) p
                WHERE has_table_privilege(role.oid, c.oid, p)
            )
        FROM role, owner, pg_class c
        WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relowner = owner.oid
        AND c.relnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'SEQUENCE', c.oid::regclass::text, c.relname, c.relacl,
            ARRAY(
                SELECT p FROM unnest('{USAGE,SELECT}'::text[]) p
                WHERE has_sequence_privilege(role.oid, c.oid, p)
            )
        FROM role, owner, pg_class c
        WHERE c.relkind = 'S' AND c.relowner = owner.oid
        AND c.relnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'FUNCTION', f.oid::regprocedure::text, f.proname, f.proacl,
            CASE WHEN has_function_privilege(role.oid, f.oid, 'EXECUTE')
            THEN '{EXECUTE}'::text[] ELSE '{}' END
        FROM role, owner, pg_proc f
        WHERE f.prokind = 'f' AND f.proowner = owner.oid
        AND f.pronamespace = current_schema()::regnamespace
    )
    SELECT object.kind, object.name, object.short, object.has,
        ARRAY(
            SELECT a.privilege_type FROM role, aclexplode(object.acl) a WHERE a.grantee = role.oid
        ) AS held
    FROM object ORDER BY object.kind, object.name
""")

_DEFAULTS = text("""
    SELECT d.defaclobjtype::text AS kind, array_agg(a.privilege_type) AS held
    FROM pg_default_acl d, aclexplode(d.defaclacl) a
    WHERE d.defaclnamespace = current_schema()::regnamespace
    AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    AND a.grantee = (SELECT oid FROM pg_roles WHERE rolname = :role)
    GROUP BY d.defaclobjtype
""")

_ROLE = text("""
    SELECT r.rolname AS name, r.rolsuper AS is_superuser,
        coalesce(pg_has_role(r.oid, c.relowner, 'USAGE'), false) AS owns_audit_events
    FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('audit_events')
    WHERE r.rolname = coalesce(:role, current_user)
""")


class ServingRole(NamedTuple):
    """A role, and whether it could change what it must not."""

    name: str
    is_superuser: bool
    owns_audit_events: bool

    @property
    def may_do_all(self) -> bool:
        return self.is_superuser or self.owns_audit_events

    @property
    def warning(self) -> str:
        what = "is a superuser" if self.is_superuser else "owns the audit log"
        return (
            f"The role {self.name} of DATABASE_URL {what}, and could change what is noted there: "
            "give DATABASE_URL a role that owns nothing, MIGRATION_DATABASE_URL this one, and run "
            "`rollcall migrate`."
        )


def find(connection: Connection, role: str | None = None) -> ServingRole | None:
    """A role as it is, by default our own; None: there is none of this name."""
    found = connection.execute(_ROLE, {"role": role}).one_or_none()
    return ServingRole(*found) if found else None


def sentence(lacking: list[str]) -> str:
    """What is missing, and what to do."""
    named = ", ".join(lacking[:_MOST_NAMED]) + (", …" if len(lacking) > _MOST_NAMED else "")
    return f"The role of DATABASE_URL lacks {named}. {GIVE_PRIVILEGES}"


def grant(connection: Connection, role: str) -> None:
    """Give the role what it needs, and take from it what it does not; run by the owner.

    A role that owns the tables, or may do what their owner may, is left as it is.

    Raises:
        SettingsError: there is no such role.
    """
    found = find(connection, role)
    if found is None:
        raise SettingsError(
            f"The role {role} of DATABASE_URL is not in the database of MIGRATION_DATABASE_URL: "
            "both must lead to the same one."
        )
    if found.may_do_all:
        return
    for statement in _statements(connection, role):
        connection.exec_driver_sql(statement)


def _statements(connection: Connection, role: str) -> list[str]:
    quoted, schema = connection.execute(
        text("SELECT quote_ident(:role), quote_ident(current_schema())"), {"role": role}
    ).one()
    statements: list[str] = []
    for row in connection.execute(_OBJECTS, {"role": role}).all():
        wanted = _LESS.get(row.short, _WANTED[row.kind])
        on = f"{'TABLE' if row.kind == 'VIEW' else row.kind} {row.name}"
        lacks, surplus = set(wanted) - set(row.has), set(row.held) - set(wanted)
        if surplus:
            statements.append(f"REVOKE ALL ON {on} FROM {quoted}")
        if lacks or surplus:
            statements.append(f"GRANT {', '.join(wanted)} ON {on} TO {quoted}")
        if row.kind == "SCHEMA" and "CREATE" in row.has:  # a PostgreSQL 14 gave it to everybody
            statements.append(f"REVOKE CREATE ON {on} FROM PUBLIC")
    held = {row.kind: set(row.held) for row in connection.execute(_DEFAULTS, {"role": role})}
    for code, kind in _BY_DEFAULT.items():
        if held.get(code, set()) != set(_WANTED[kind]):
            default = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}"
            statements.append(f"{default} REVOKE ALL ON {kind}S FROM {quoted}")
            privileges = ", ".join(_WANTED[kind])
            statements.append(f"{default} GRANT {privileges} ON {kind}S TO {quoted}")
    return statements


def lacking(connection: Connection) -> list[str]:
    """What our own role needs and may not do, as in `INSERT on posts`."""
    role = connection.exec_driver_sql("SELECT current_user").scalar_one()
    rows = connection.execute(_OBJECTS, {"role": role}).all()
    return [
        f"{privilege} on {row.name}"
        for row in rows
        for privilege in _LESS.get(row.short, _WANTED[row.kind])
        if privilege not in row.has
    ]
