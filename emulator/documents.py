"""SCIM documents as Okta would send them, for what is done without HTTP."""

from typing import Any

from emulator.workos.users import ENTERPRISE

Json = dict[str, Any]
MAPPED = {"department", "job_title"}


def user_document(
    idp_id: str,
    email: str | None,
    first_name: str | None,
    last_name: str | None,
    custom_attributes: Json,
) -> Json:
    names = (("givenName", first_name), ("familyName", last_name))
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": email or idp_id,
        "externalId": idp_id,
        "name": {key: value for key, value in names if value is not None},
        "emails": [] if email is None else emails(email),
        "active": True,
        **mapped(custom_attributes),
    }


def emails(email: str) -> list[Json]:
    return [{"primary": True, "value": email, "type": "work"}]


def mapped(custom_attributes: Json) -> Json:
    found: Json = {}
    if custom_attributes.get("job_title") is not None:
        found["title"] = custom_attributes["job_title"]
    if custom_attributes.get("department") is not None:
        found[ENTERPRISE] = {"department": custom_attributes["department"]}
    return found


def unmapped(custom_attributes: Json) -> Json:
    return {key: value for key, value in custom_attributes.items() if key not in MAPPED}


def group_document(name: str) -> Json:
    return {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
