"""Which rows a SCIM filter can match at all, as SQL: reading everybody takes half a minute.

What is said here is only ever necessary; scim2-server's own filter then looks at the rows left.
"""

import re
from dataclasses import dataclass

from scim2_models.path import Comparison
from scim2_models.path.expressions import (
    CompareOperator,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)

COLUMNS = {
    ("User", "id"): "id = ?",
    ("User", "username"): "user_name_key = ?",
    ("User", "externalid"): "external_id = ?",
    ("Group", "id"): "id = ?",
    ("Group", "displayname"): "name_key = ?",
    ("Group", "externalid"): "external_id = ?",
}
"""The attributes by which Okta and Entra look for one resource; each has an index."""
FOLDED = frozenset({"username", "displayname"})
NOT_IN_DOCUMENT = frozenset({"id", "meta", "groups", "members", "schemas"})
HAS_THE_TEXT = frozenset(
    {CompareOperator.eq, CompareOperator.co, CompareOperator.sw, CompareOperator.ew}
)
PLAIN = re.compile(r"[A-Za-z0-9@._+ -]+")
"""Text that JSON writes as it is. What it writes otherwise is escaped, and such rows stay in."""
IN_DOCUMENT = "(instr(lower(document), ?) > 0 or instr(document, '\\u') > 0)"


@dataclass(frozen=True)
class Condition:
    """SQL over the columns of a resource, and its values."""

    sql: str
    values: tuple[str, ...]


def narrow(resource: str, node: FilterNode | None) -> Condition | None:
    """Of resources of this name; None where any of them may match."""
    match node:
        case Comparison(op=op, value=str() as value) if op in HAS_THE_TEXT:
            return _comparison(resource, node, value)
        case ValuePath(attr_path=path, val_filter=inner):
            return None if path.attr.lower() in NOT_IN_DOCUMENT else narrow("", inner)
        case LogicalExpr(op=LogicalOperator.and_, terms=terms):
            known = [each for each in (narrow(resource, term) for term in terms) if each]
            return _joined(" and ", known) if known else None
        case LogicalExpr(terms=terms):
            each_known = [each for each in (narrow(resource, term) for term in terms) if each]
            return _joined(" or ", each_known) if len(each_known) == len(terms) else None
        case _:
            return None


def _comparison(resource: str, node: Comparison, value: str) -> Condition | None:
    name = node.attr_path.attr.lower()
    column = COLUMNS.get((resource, name)) if node.op is CompareOperator.eq else None
    if column is not None and value.strip():
        return Condition(column, (value.casefold() if name in FOLDED else value,))
    if name in NOT_IN_DOCUMENT or not PLAIN.fullmatch(value):
        return None
    return Condition(IN_DOCUMENT, (value.lower(),))


def _joined(operator: str, conditions: list[Condition]) -> Condition:
    sql = operator.join(each.sql for each in conditions)
    return Condition(f"({sql})", tuple(value for each in conditions for value in each.values))
