"""Roles, what follows from them, and who is asking."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from uuid import UUID


class Role(StrEnum):
    MEMBER = "member"
    AUTHOR = "author"
    ADMIN = "admin"


class Permission(StrEnum):
    READ_POSTS = "posts:read"
    CREATE_POSTS = "posts:create"
    EDIT_OWN_POSTS = "posts:edit_own"
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

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.MEMBER: _MEMBER,
    Role.AUTHOR: _AUTHOR,
    Role.ADMIN: _ADMIN,
}


@dataclass(frozen=True)
class Actor:
    """Whoever is asking, with the access they have at this very request."""

    user_id: UUID
    name: str
    email: str | None
    organization_id: str
    organization_name: str
    roles: tuple[Role, ...]

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        return frozenset().union(*(PERMISSIONS[role] for role in self.roles))

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
