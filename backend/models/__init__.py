"""Tables. Importing this package registers them all on `Base.metadata`."""

from backend.models.access import (
    access,
    live_directories,
    live_directory_users,
    live_groups,
    live_memberships,
)
from backend.models.admission import Admission
from backend.models.api_token import ApiToken
from backend.models.audit_event import AuditEvent
from backend.models.base import NO_ORGANIZATION, Base
from backend.models.directory import (
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryUser,
)
from backend.models.directory_event import DirectoryEvent
from backend.models.event_cursor import EventCursor
from backend.models.invitation import Invitation
from backend.models.organization import Organization
from backend.models.post import Post
from backend.models.rate_count import RateCount
from backend.models.reconciliation import Reconciliation
from backend.models.role import (
    MappingVersion,
    RoleGrant,
    RoleMapping,
    WorkosRole,
    WorkosRoleMapping,
)
from backend.models.session import Session, UsedState
from backend.models.user import SsoIdentity, User

__all__ = [
    "NO_ORGANIZATION",
    "Admission",
    "ApiToken",
    "AuditEvent",
    "Base",
    "Directory",
    "DirectoryEvent",
    "DirectoryGroup",
    "DirectoryMembership",
    "DirectoryUser",
    "EventCursor",
    "Invitation",
    "MappingVersion",
    "Organization",
    "Post",
    "RateCount",
    "Reconciliation",
    "RoleGrant",
    "RoleMapping",
    "Session",
    "SsoIdentity",
    "UsedState",
    "User",
    "WorkosRole",
    "WorkosRoleMapping",
    "access",
    "live_directories",
    "live_directory_users",
    "live_groups",
    "live_memberships",
]
