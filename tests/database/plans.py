"""The plan of every statement that a database runs, those inside functions too, as it was run."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from backend.models import Base

# PostgreSQL's own module tells the client of every statement, also of those within functions and
# of foreign keys, and names each column by its table.
EXPLAINING = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_level": "notice",
}

# Of a tenant's table, the column that says whose a row is.
TENANT_COLUMN = {
    name: "workos_id" if name == "organizations" else "organization_id"
    for name in Base.metadata.tables
    if name not in {"event_cursor", "forged_webhooks", "rate_counts"}
}

_CONDITIONS = ("Index Cond", "Recheck Cond", "Filter", "Hash Cond", "Merge Cond", "Join Filter")
# The side of a join whose rows it does not thin out, by the side's place.
_KEPT_SIDE = {"Left": {0}, "Anti": {0}, "Right": {1}, "Right Anti": {1}, "Full": {0, 1}}

# Once for each connection: its settings, and what the driver asks of types that it does not know.
_OF_THE_CONNECTION = (
    "SELECT set_config",
    "SELECT current_setting('jit')",
    "WITH RECURSIVE typeinfo_tree",
)

_WRONG = 100
_TAKES_ALL = {"Sort", "Aggregate", "Hash"}

Node = dict[str, Any]


class Plan:
    """One statement and how it was run."""

    def __init__(self, statement: str, root: Node) -> None:
        self.statement = " ".join(statement.split())
        self._root = root

    @property
    def scans(self) -> dict[str, Node]:
        """By alias, where a tenant's table is read, whether by an index or whole."""
        return {
            node["Alias"]: node
            for node in _nodes(self._root)
            if node["Node Type"].endswith("Scan") and node.get("Relation Name") in TENANT_COLUMN
        }

    @property
    def tables(self) -> set[str]:
        return {scan["Relation Name"] for scan in self.scans.values()}

    @property
    def unbound(self) -> set[str]:
        """The tenants' tables that are read without a condition that binds the organization.

        It is bound to what the statement was given, or to a row whose organization is bound: two
        tables that are only tied to each other are read for everybody.
        """
        column = {
            alias: f"{alias}.{TENANT_COLUMN[scan['Relation Name']]}"
            for alias, scan in self.scans.items()
        }
        alias_of = {name: alias for alias, name in column.items()}
        of_a_table = re.compile(rf"\b({'|'.join(map(re.escape, column))})\." if column else r"(?!)")
        equal = [
            (alias_of[one], other)
            for node in _nodes(self._root)
            for left, right in _equations(node)
            for one, other in ((left, right), (right, left))
            if one in alias_of and alias_of[one] in _thinned_out(node)
        ]
        bound: set[str] = set()
        while more := {
            alias
            for alias, other in equal
            if alias not in bound
            and (alias_of[other] in bound if other in alias_of else not of_a_table.search(other))
        }:
            bound |= more
        return {self.scans[alias]["Relation Name"] for alias in column.keys() - bound}

    @property
    def rows_read(self) -> int:
        """The most rows that one of its scans went through, those that it passed over too."""
        return max(map(_rows, self.scans.values()), default=0)

    @property
    def rows_gathered(self) -> int:
        """The most that an index named, all of them, before the first was looked at."""
        gathering = (
            node for node in _nodes(self._root) if node["Node Type"] == "Bitmap Index Scan"
        )
        return max(map(_rows, gathering), default=0)

    @property
    def compared_in_vain(self) -> int:
        """The most pairs of rows that one of its joins has formed and thrown away."""
        removed = "Rows Removed by Join Filter"
        return max(int(node["Actual Loops"] * node.get(removed, 0)) for node in _nodes(self._root))

    @property
    def read_whole(self) -> set[str]:
        """The tenants' tables of which every row was gone through, whosever it is."""
        return {
            scan["Relation Name"]
            for scan in self.scans.values()
            if scan["Node Type"] == "Seq Scan" and scan["Actual Loops"]
        }

    @property
    def misjudged(self) -> list[str]:
        """Where over a hundred times the rows were planned for, or had, for each time it was run.

        Not asked are a node that was never run; one that brings no table's rows but those of an
        array or of JSON, for which the planner has fixed numbers; and of a node that is stopped as
        soon as there are enough, whether it was planned to have more.
        """
        return [
            f"{node['Node Type']} {node.get('Alias', '')}: planned for {node['Plan Rows']} rows,"
            f" had {node['Actual Rows']}"
            for node, stopped in _estimated(self._root, stopped=False)
            if _reads_a_table(node)
            for had, planned in [(max(node["Actual Rows"], 1), max(node["Plan Rows"], 1))]
            if had > _WRONG * planned or (planned > _WRONG * had and not stopped)
        ]


def _reads_a_table(node: Node) -> bool:
    """Itself or by what it is fed with; not by what it looks up for each row."""
    return "Relation Name" in node or any(
        _reads_a_table(part)
        for part in node.get("Plans", ())
        if part["Parent Relationship"] not in {"SubPlan", "InitPlan"}
    )


def _estimated(node: Node, *, stopped: bool) -> Iterator[tuple[Node, bool]]:
    """The nodes that were run, and whether what is above them may have stopped them."""
    if not node["Actual Loops"]:
        return
    stopped = stopped or node["Node Type"] == "Limit"
    yield node, stopped
    stopped = stopped and node["Node Type"] not in _TAKES_ALL
    for place, part in enumerate(node.get("Plans", ())):
        enough = place == 1 and node.get("Join Type") in {"Semi", "Anti"}
        yield from _estimated(part, stopped=stopped or enough)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)


def _rows(scan: Node) -> int:
    passed_over = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    each = scan["Actual Rows"] + sum(scan.get(name, 0) for name in passed_over)
    return int(scan["Actual Loops"] * each)


def _thinned_out(node: Node) -> set[str]:
    """The tables, by alias, of which a node's conditions leave out rows."""
    if "Join Type" not in node:
        return {node["Alias"]} if "Alias" in node else set()
    kept = _KEPT_SIDE.get(node["Join Type"], set())
    return {
        inside["Alias"]
        for place, side in enumerate(node["Plans"][:2])
        if place not in kept
        for inside in _nodes(side)
        if "Alias" in inside
    }


def _equations(node: Node) -> set[tuple[str, str]]:
    return set().union(*(_asked(node[name]) for name in _CONDITIONS if name in node))


def _asked(condition: str) -> set[tuple[str, str]]:
    """What a condition asks to be equal, whatever else it asks."""
    condition = _bare(condition)
    if len(either := _parts(condition, " OR ")) > 1:
        return set.intersection(*map(_asked, either))
    if len(both := _parts(condition, " AND ")) > 1:
        return set().union(*map(_asked, both))
    sides = _parts(condition, " = ")
    return {(_bare(sides[0]), _bare(sides[1]))} if len(sides) == 2 else set()


def _bare(expression: str) -> str:
    """Without the parentheses around the whole."""
    if expression.startswith("(") and len(_parts(expression, ")")) == 1:
        return expression[1:-1]
    return expression


def _parts(expression: str, separator: str) -> list[str]:
    """Split where no parenthesis, bracket or quotation is open."""
    parts, depth, quoted, begin = [], 0, False, 0
    for place, letter in enumerate(expression):
        quoted ^= letter == "'"
        if not quoted:
            depth += (letter in "([") - (letter in ")]")
            if depth == 0 and expression.startswith(separator, place) and place > begin:
                parts.append(expression[begin:place])
                begin = place + len(separator)
    return [*parts, expression[begin:]] if begin < len(expression) else parts


class Plans:
    """Notes what is run on every connection that is opened from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._noted: list[Plan] = []
        usual = asyncpg.connect

        async def connect(*args: Any, **more: Any) -> Any:
            connection = await usual(*args, server_settings=EXPLAINING, **more)
            connection.add_log_listener(self._listen)
            return connection

        monkeypatch.setattr(asyncpg, "connect", connect)

    def _listen(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        said, plan, logged = message.message.partition("plan:\n")
        if plan and said.startswith("duration: "):
            noted = json.loads(logged)
            run = Plan(noted["Query Text"], noted["Plan"])
            if not run.statement.startswith(_OF_THE_CONNECTION):
                self._noted.append(run)

    async def taken(self) -> list[Plan]:
        """What was run since this was last asked."""
        await asyncio.sleep(0)  # the driver tells its listeners in the loop's next turn
        noted, self._noted = self._noted, []
        return noted
