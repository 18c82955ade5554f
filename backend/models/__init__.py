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
from backend.models.audit_event import (
    ELEVATED,
    AuditErasure,
    AuditEvent,
    AuditSeal,
    ForgedWebhooks,
    RefusalCount,
)
from backend.models.base import NO_ORGANIZATION, Base
from backend.models.directory import (
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryUser,
)
from backend.models.directory_count import DirectoryCount
from backend.models.directory_event import DirectoryEvent
from backend.models.event_cursor import EventCursor
from backend.models.event_hour import EventHour
from backend.models.invitation import Invitation
from backend.models.organization import Organization
from backend.models.portal import (
    Connection,
    ConnectionCertificate,
    DirectoryToken,
    OrganizationDomain,
)
from backend.models.post import DeletedPost, Post
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
    "ELEVATED",
    "NO_ORGANIZATION",
    "Admission",
    "ApiToken",
    "AuditErasure",
    "AuditEvent",
    "AuditSeal",
    "Base",
    "Connection",
    "ConnectionCertificate",
    "DeletedPost",
    "Directory",
    "DirectoryCount",
    "DirectoryEvent",
    "DirectoryGroup",
    "DirectoryMembership",
    "DirectoryToken",
    "DirectoryUser",
    "EventCursor",
    "EventHour",
    "ForgedWebhooks",
    "Invitation",
    "MappingVersion",
    "Organization",
    "OrganizationDomain",
    "Post",
    "RateCount",
    "Reconciliation",
    "RefusalCount",
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
