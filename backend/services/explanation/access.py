"""Why somebody has the access they have now: the chain that the view `access` follows."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.pagination import TimeCursor
from backend.schemas.access import (
    DEFAULT_ROLE_OF_GROUP,
    Actor,
    Role,
    permissions_of,
    roles_named,
)
from backend.schemas.events import Person
from backend.schemas.explanation import (
    Cause,
    CauseKind,
    DirectoryEntry,
    Explanation,
    Grant,
    Mapping,
    Membership,
    Named,
    Since,
    Subject,
)
from backend.services.explanation import chain as access_chain
from backend.services.explanation import history as access_history
from backend.services.explanation.chain import ChainRow
from backend.services.explanation.history import cause_of
from backend.services.explanation.reasons import (
    Above,
    Edge,
    GroupRow,
    PersonRow,
    why_membership_does_not_count,
    why_person_gives_no_access,
)
from backend.services.explanation.refusals import why_refused


async def explain(
    connection: AsyncConnection,
    actor: Actor,
    account_id: UUID,
    *,
    cursor: TimeCursor | None,
    limit: int,
) -> Explanation:
    """The access of one account, what each part of it comes from, and how it changed.

    Args:
        connection: a snapshot, so that the parts belong to the access they explain.
        actor: who asks.
        account_id: whose access.
        cursor: the last entry of the history's page before.
        limit: entries of the history.

    Raises:
        NotFound: also for an account of another organization.
    """
    account = await access_chain.read_account(connection, actor.organization_id, account_id)
    entries = await access_chain.read_directory_users(connection, account)
    people = {entry.id: _person_row(entry) for entry in entries}
    edges = await access_chain.read_memberships(connection, list(people))
    group_ids = sorted({edge.group_id for edge in edges})
    mappings = await access_chain.read_mappings(connection, account, group_ids)
    counting = await access_chain.read_counting_memberships(connection, account)
    roles = roles_named(account.roles)
    directory_users = [_entry(row, people[row.id], account.key) for row in entries]
    subjects = access_history.Subjects(
        account_id=account.id,
        organization_id=account.organization_id,
        joined_at=account.joined_at,
        people=list(people),
        groups=group_ids,
        directories=sorted({entry.directory_id for entry in entries}),
    )
    return Explanation(
        person=Subject(
            id=account.id,
            name=account.name,
            email=account.email,
            joined_at=account.joined_at,
            blocked_at=account.blocked_at,
        ),
        directory_managed=account.directory_managed,
        active=account.active,
        roles=list(roles),
        permissions=sorted(permissions_of(roles)),
        refusal=None if account.active else why_refused(account, directory_users, people),
        directory_users=directory_users,
        memberships=[
            _membership(
                edge,
                account,
                people[edge.user_id],
                mappings.get(edge.group_id, []),
                counts=(edge.user_id, edge.group_id) in counting,
            )
            for edge in edges
        ],
        grants=[
            _grant(row, account) for row in await access_chain.read_grants(connection, account)
        ],
        history=await access_history.list_page(connection, subjects, cursor=cursor, limit=limit),
    )


def _person_row(row: ChainRow) -> PersonRow:
    return PersonRow(
        version=row.occurred_at and (row.occurred_at, row.event_id),
        state=row.state,
        removed_at=row.removed_at,
        read=row.read_as_of and (row.read_as_of, row.read_id),
        newer_namesake=row.newer_namesake,
        directory=Above(
            row.directory_name,
            row.directory_removed_at,
            row.complete_as_of and (row.complete_as_of, row.complete_id),
        ),
    )


def _entry(row: ChainRow, person: PersonRow, key: str) -> DirectoryEntry:
    joined = row.account_key == key
    why_not = (
        why_person_gives_no_access(person)
        if joined
        else f"It has got the id {row.idp_id} of the identity provider, and so another account."
    )
    return DirectoryEntry(
        id=row.id,
        directory=Named(id=row.directory_id, name=row.directory_name),
        name=row.name,
        email=row.email,
        idp_id=row.idp_id,
        state=row.state,
        since=row.occurred_at and Since(at=row.occurred_at, cause=cause_of(row.event_id)),
        removed_at=row.removed_at,
        removed_by=row.removed_by and Cause(kind=CauseKind.EVENT, id=row.removed_by),
        counts=joined and row.counts and row.state == "active",
        why_not=why_not,
    )


def _membership(
    edge: ChainRow, account: ChainRow, person: PersonRow, mappings: list[ChainRow], *, counts: bool
) -> Membership:
    gives = counts and account.active and person.state == "active"
    return Membership(
        group=Named(id=edge.group_id, name=edge.name),
        directory_user_id=edge.user_id,
        present=edge.present,
        since=Since(at=edge.occurred_at, cause=cause_of(edge.event_id)),
        counts=counts,
        why_not=_why_not(edge, person),
        mappings=[_mapping(row, account, counts=counts, gives=gives) for row in mappings],
    )


def _why_not(edge: ChainRow, person: PersonRow) -> str | None:
    group = GroupRow(
        version=edge.group_at and (edge.group_at, edge.group_event_id),
        removed_at=edge.removed_at,
        same_directory=edge.group_directory_id == edge.person_directory_id,
    )
    version = (edge.occurred_at, edge.event_id)
    return why_membership_does_not_count(Edge(version, edge.present), person, group)


def _mapping(row: ChainRow, account: ChainRow, *, counts: bool, gives: bool) -> Mapping:
    why_not = None
    if row.removed:
        why_not = "An admin removed this mapping."
    elif row.source == "default" and not account.default_mappings:
        names = " and ".join(DEFAULT_ROLE_OF_GROUP)
        why_not = f"Groups named {names} give nothing here: the rule is switched off."
    elif not counts:
        why_not = "The membership does not count."
    elif not gives:
        why_not = "The person is not active."
    return Mapping(
        role=Role(row.role),
        source=row.source,
        since=Since(
            at=row.created_at,
            cause=cause_of(row.event_id) if row.event_id else Cause(kind=CauseKind.OPERATOR),
        ),
        removed=row.removed,
        gives=why_not is None,
        why_not=why_not,
    )


def _grant(row: ChainRow, account: ChainRow) -> Grant:
    return Grant(
        role=Role(row.role),
        since=row.created_at,
        granted_by=row.granted_by and Person(id=row.granted_by, name=row.name),
        gives=account.active,
    )
