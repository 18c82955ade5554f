"""The rest of what administrators do: domains, connections, tokens, roles, Universal Logout.

Synchronous calls like those of Direct, with the same names for people and groups.
"""

from typing import Any

from emulator.direct import Direct, Group, User
from emulator.okta import revocation, signing_keys
from emulator.okta.provisioning import Okta
from emulator.okta.revocation import RevocationRequest, SubjectFormat, SubjectMember, Wrong
from emulator.store import Row
from emulator.workos import connections, directories, domains, organizations, portal, roles, tokens
from emulator.workos.connections import ConnectionState
from emulator.workos.domains import DomainState, FailureReason
from emulator.workos.portal import Intent
from emulator.workos.world import NotFoundError

Json = dict[str, Any]


class Administration(Direct):
    """Unknown ids raise NotFoundError, what is refused RefusedError or OktaRefusedError."""

    def add_domain(
        self, organization_id: str, name: str, state: DomainState = DomainState.PENDING
    ) -> str:
        """`organization_domain.created`; the domain's id."""
        return str(domains.add(self.world, organization_id, name, state)["id"])

    def verify_domain(self, domain_id: str) -> DomainState:
        """`organization_domain.verified`, or `…verification_failed` where another one has it."""
        return DomainState(domains.verify(self.world, domain_id)["state"])

    def fail_domain(self, domain_id: str, reason: FailureReason = FailureReason.EXPIRED) -> None:
        """`organization_domain.verification_failed`."""
        domains.fail(self.world, domain_id, reason)

    def verify_domain_again(self, domain_id: str) -> None:
        """Back to pending; `organization_domain.updated`."""
        domains.begin_again(self.world, domain_id)

    def delete_domain(self, domain_id: str) -> None:
        """`organization_domain.deleted`."""
        domains.delete(self.world, domain_id)

    def domains(self, organization_id: str) -> list[Json]:
        """As the API lists them."""
        return domains.of_organization(self.world, organization_id)

    def create_connection(self, organization_id: str, name: str = "Okta") -> str:
        """`connection.activated`; the connection's id."""
        return str(connections.create(self.world, organization_id, name)["id"])

    def activate_connection(self, connection_id: str) -> None:
        """`connection.activated`."""
        connections.switch(self.world, connection_id, ConnectionState.ACTIVE)

    def deactivate_connection(self, connection_id: str) -> None:
        """`connection.deactivated`; a sign-in by it comes back as `connection_unlinked`."""
        connections.switch(self.world, connection_id, ConnectionState.INACTIVE)

    def delete_connection(self, connection_id: str) -> None:
        """`connection.deleted`."""
        connections.delete(self.world, connection_id)

    def let_certificate_expire(self, connection_id: str, days: int) -> None:
        """`connection.saml_certificate_renewal_required`; negative days have passed already."""
        connections.let_certificate_expire(self.world, connection_id, days)

    def renew_certificate(self, connection_id: str) -> None:
        """`connection.saml_certificate_renewed`."""
        connections.renew_certificate(self.world, connection_id)

    def create_token(self, directory_id: str) -> str:
        """`dsync.token.created`, by the Events API only; the token's id."""
        row = tokens.create(self.world, directories.get(self.world, directory_id))
        return str(row["id"])

    def revoke_token(self, token_id: str) -> None:
        """`dsync.token.revoked`, by the Events API only."""
        tokens.revoke(self.world, token_id)

    def token_ids(self, directory_id: str) -> list[str]:
        """Of those that open the directory, oldest first."""
        return [row["id"] for row in tokens.active(self.world, directory_id)]

    def assign_role(self, group: Group | str, slug: str | None) -> None:
        """As in the Admin Portal; `dsync.user.updated` for each whom it changes."""
        roles.assign(self.world, self.group(group).id, slug)

    def portal_link(self, organization_id: str, intent: Intent) -> str:
        """The path that the link leads to."""
        return f"/portal/{portal.make_link(self.world, organization_id, intent)}"

    def portal_session(self, organization_id: str, intent: Intent) -> str:
        """The path of what a fresh link opens, for forms to be posted below."""
        token = portal.make_link(self.world, organization_id, intent)
        session = portal.open_link(self.world, token)
        assert session is not None
        return f"/portal/sessions/{session['id']}"

    def set_revocation(
        self,
        organization_id: str,
        url: str,
        subject_format: SubjectFormat = SubjectFormat.EMAIL,
        subject_member: SubjectMember = SubjectMember.SUB_ID,
    ) -> None:
        """Universal Logout: where Okta asks, and how it says who is meant."""
        company = self._company(organization_id)
        revocation.set_endpoint(self._okta, company["id"], url, subject_format, subject_member)

    def revocation(self, user: User | str, wrong: Wrong = Wrong.NOTHING) -> RevocationRequest:
        """The request that clears this person's sessions, signed now, to be posted by a test."""
        return revocation.request(self._okta, self.user(user).idp_id, wrong)

    def okta_issuer(self, organization_id: str) -> str:
        return revocation.issuer(self._okta, self._company(organization_id)["id"])

    def okta_key_address(self, organization_id: str) -> str:
        return revocation.key_address(self._okta, self._company(organization_id)["id"])

    def okta_app_id(self, organization_id: str) -> str:
        return revocation.app_id(self._company(organization_id)["id"])

    def okta_keys(self, organization_id: str) -> Json:
        """What the key address answers."""
        return signing_keys.published(self.records, self._company(organization_id)["id"])

    @property
    def _okta(self) -> Okta:
        okta: Okta = self.parts.app.state.okta
        return okta

    def _company(self, organization_id: str) -> Row:
        organizations.get(self.world, organization_id)
        for row in self.records.companies():
            if row["organization_id"] == organization_id:
                return row
        raise NotFoundError("Okta of the organization", organization_id)
