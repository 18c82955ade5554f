"""Roles, what follows from them, which groups give them, and who is asking."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Self
from uuid import UUID


class AdmissionKind(StrEnum):
    """Why somebody is let in whom the directory does not let in."""

    GUEST = "guest"
    SERVICE = "service"  # a program, by a token of the organization
    BREAK_GLASS = "break_glass"
    KEPT = "kept"  # when the directory was gone


class RoleSource(StrEnum):
    """What of a directory gives roles; grants by hand do in any case."""

    GROUPS = "groups"
    WORKOS = "workos"  # the roles that WorkOS says people have
    BOTH = "both"


class Permission(StrEnum):
    READ_POSTS = "posts:read"
    CREATE_POSTS = "posts:create"
    EDIT_OWN_POSTS = "posts:edit_own"
    EDIT_ANY_POST = "posts:edit_any"  # for an editor; no role below has it
    DELETE_OWN_POSTS = "posts:delete_own"
    DELETE_ANY_POST = "posts:delete_any"
    READ_TEAM = "team:read"
    INVITE = "team:invite"
    ADMINISTER = "administer"


_MEMBER = frozenset({Permission.READ_POSTS, Permission.READ_TEAM, Permission.INVITE})
_AUTHOR = _MEMBER | {
    Permission.CREATE_POSTS,
    Permission.EDIT_OWN_POSTS,
    Permission.DELETE_OWN_POSTS,
}
_ADMIN = _AUTHOR | {Permission.DELETE_ANY_POST, Permission.ADMINISTER}


# Each with its permissions; everyone active is a member.
class Role(StrEnum):
    MEMBER = "member", _MEMBER
    AUTHOR = "author", _AUTHOR
    ADMIN = "admin", _ADMIN

    permissions: frozenset[Permission]

    # Without permissions it is looked up: Role("author").
    def __new__(cls, value: str, permissions: frozenset[Permission] = frozenset()) -> Self:
        role = str.__new__(cls, value)
        role._value_ = value
        role.permissions = permissions
        return role


_ROLES = {role.value: role for role in Role}

# By the exact name of a directory group, whatever the directory.
DEFAULT_ROLE_OF_GROUP: dict[str, Role] = {
    "Authors": Role.AUTHOR,
    "Admins": Role.ADMIN,
}


def roles_named(names: Collection[str]) -> tuple[Role, ...]:
    """The roles of these names, without those that only a newer version knows."""
    return tuple(_ROLES[name] for name in names if name in _ROLES)


def roles_with(*permissions: Permission) -> tuple[Role, ...]:
    """The roles that have one of these permissions."""
    return tuple(role for role in Role if not role.permissions.isdisjoint(permissions))


def permissions_of(roles: Collection[Role]) -> frozenset[Permission]:
    return frozenset().union(*(role.permissions for role in roles))


@dataclass(frozen=True)
class Actor:
    """Whoever is asking, with the access they have at this very request.

    They hold a session, or a token with its scopes.
    """

    user_id: UUID
    name: str
    email: str | None
    organization_id: str
    organization_name: str
    roles: tuple[Role, ...]
    session_id: UUID | None = None
    token_id: UUID | None = None
    scopes: tuple[str, ...] | None = None

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.roles)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
