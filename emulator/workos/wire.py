"""Directory objects as WorkOS writes them, deprecations since spring 2026 included."""

import json
import secrets
from typing import Any

from emulator.clock import iso
from emulator.store import Row

Json = dict[str, Any]
SUFFIX_LENGTH = 4


def organization(row: Row) -> Json:
    return {
        "object": "organization",
        "id": row["id"],
        "name": row["name"],
        "domains": json.loads(row["domains"]),
        "metadata": json.loads(row["metadata"]),
        "external_id": row["external_id"],
        "stripe_customer_id": None,
        "allow_profiles_outside_organization": False,
        **_times(row),
    }


def organization_domain(
    domain_id: str, organization_id: str, domain: str, state: str, at: int
) -> Json:
    """One that is verified from the start is so by hand; any other has a DNS record to set."""
    by_hand = {"verification_strategy": "manual"}
    return {
        "object": "organization_domain",
        "id": domain_id,
        "organization_id": organization_id,
        "domain": domain,
        "state": state,
        **(by_hand if state == "verified" else dns_record(domain_id)),
        "created_at": iso(at),
        "updated_at": iso(at),
    }


def dns_record(domain_id: str) -> Json:
    """What a domain carries that is to be verified by a TXT record."""
    return {
        "verification_strategy": "dns",
        "verification_prefix": f"rollcall-domain-verification-{domain_id[-6:].lower()}",
        "verification_token": secrets.token_urlsafe(18),
    }


def directory(row: Row) -> Json:
    """The directory inside `dsync.deleted`; in events a working one is `active`."""
    return {
        "object": "directory",
        "id": row["id"],
        "organization_id": row["organization_id"],
        "name": row["name"],
        "type": row["type"],
        "state": "active" if row["state"] == "linked" else row["state"],
        **_times(row),
    }


def activated_directory(row: Row, domains: list[Json]) -> Json:
    """The directory inside `dsync.activated`: `domains` are those of its organization."""
    named = [{key: each[key] for key in ("object", "id", "domain")} for each in domains]
    return directory(row) | {"external_key": row["external_key"], "domains": named}


def listed_directory(row: Row) -> Json:
    """The directory that the API lists, where a working one is `linked`."""
    told = {"state": row["state"], "external_key": row["external_key"], "domain": None}
    return directory(row) | told


def directory_token(row: Row, organization_id: str) -> Json:
    return {
        "object": "directory_token",
        "id": row["id"],
        "directory_id": row["directory_id"],
        "organization_id": organization_id,
        "token_suffix": row["token"][-SUFFIX_LENGTH:],
        "created_at": iso(row["created_at"]),
    }


def roles(slugs: str) -> Json:
    """`role` and `roles` out of the slugs, a JSON list with the highest first."""
    listed = [{"slug": slug} for slug in json.loads(slugs)]
    return {"role": listed[0], "roles": listed}


def directory_user(row: Row) -> Json:
    return {
        "object": "directory_user",
        "id": row["id"],
        "directory_id": row["directory_id"],
        "organization_id": row["organization_id"],
        "idp_id": row["idp_id"],
        "email": row["email"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "name": row["name"],
        "emails": [],
        "username": None,
        "job_title": None,
        "state": row["state"],
        "raw_attributes": {},
        "custom_attributes": json.loads(row["custom_attributes"]),
        **roles(row["roles"]),
        **_times(row),
    }


def listed_directory_user(row: Row) -> Json:
    return directory_user(row) | {"groups": []}


def directory_group(row: Row) -> Json:
    return {
        "object": "directory_group",
        "id": row["id"],
        "directory_id": row["directory_id"],
        "organization_id": row["organization_id"],
        "idp_id": row["idp_id"],
        "name": row["name"],
        "raw_attributes": {},
        **_times(row),
    }


def connection(row: Row) -> Json:
    return deleted_connection(row) | {
        "status": "linked" if row["state"] == "active" else "unlinked",
        "domains": [],
    }


def changed_connection(row: Row) -> Json:
    """The connection inside `connection.activated` and `connection.deactivated`."""
    return connection(row) | {"external_key": row["id"].removeprefix("conn_")}


def deleted_connection(row: Row) -> Json:
    """The connection inside `connection.deleted`: its state is what it was before."""
    return {
        "object": "connection",
        "id": row["id"],
        "organization_id": row["organization_id"],
        "connection_type": row["type"],
        "name": row["name"],
        "state": row["state"],
        **_times(row),
    }


def _times(row: Row) -> Json:
    return {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
