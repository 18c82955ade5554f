"""The figures as a table, and which of them are aimed at."""

from typing import NamedTuple

Figures = dict[str, float]

_COLUMNS = [
    ("rate", "/s", ",.0f"),
    ("ratio", "ratio", ".2f"),
    ("p50_ms", "p50 ms", ".1f"),
    ("p99_ms", "p99 ms", ".1f"),
    ("program_us", "CPU us", ".0f"),
    ("postgres_us", "PG us", ".0f"),
    ("statements", "SQL", ".1f"),
    ("seconds", "s", ".1f"),
    ("copy_seconds", "COPY s", ".1f"),
    ("of_copy", "COPYs", ".2f"),
    ("memory_mb", "MB", ".0f"),
]
_NAME, _SIDE, _CELL = 27, 10, 8
_COMPARED = ("rate", "p50_ms", "p99_ms", "program_us", "postgres_us", "statements", "seconds")


class Aim(NamedTuple):
    measure: str
    key: str
    bound: float
    at_most: bool = False

    def is_met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


AIMS = [
    Aim("GET /posts", "ratio", 0.45),
    Aim("webhooks: profile", "ratio", 0.40),
    Aim("webhooks: membership", "ratio", 0.40),
    # 4,000 a second where a bare POST has 9,000.
    Aim("catch-up: new directory", "ratio", 4 / 9),
    Aim("catch-up: changes", "ratio", 4 / 9),
    Aim("catch-up: new directory", "of_copy", 4, at_most=True),
    Aim("catch-up: new directory", "memory_mb", 150, at_most=True),
    Aim("catch-up: changes", "memory_mb", 150, at_most=True),
    Aim("reconciliation: first", "of_copy", 5, at_most=True),
    Aim("reconciliation: unchanged", "of_copy", 5, at_most=True),
]


def show_heads() -> None:
    heads = "".join(f"{head:>{_CELL}}" for _, head, _ in _COLUMNS)
    print(f"{'':{_NAME + _SIDE}}{heads}", flush=True)


def show(measure: str, by_side: dict[str, Figures]) -> None:
    """A line for each side; between two commits a third, of HEAD's figures by BASE's."""
    for side, figures in by_side.items():
        _show_line(measure, side, figures)
    if "base" in by_side:
        base, head = by_side["base"], by_side["rollcall"]
        both = [key for key in _COMPARED if base.get(key) and key in head]
        _show_line(measure, "by base", {key: head[key] / base[key] for key in both}, ".2f")


def _show_line(measure: str, side: str, figures: Figures, form: str = "") -> None:
    cells = "".join(
        f"{format(figures[key], form or usual) if key in figures else '-':>{_CELL}}"
        for key, _, usual in _COLUMNS
    )
    print(f"{measure:{_NAME}}{side:{_SIDE}}{cells}", flush=True)


def show_aims(figures: dict[str, dict[str, Figures]]) -> None:
    for aim in AIMS:
        value = figures.get(aim.measure, {}).get("rollcall", {}).get(aim.key)
        if value is not None:
            _, head, form = next(column for column in _COLUMNS if column[0] == aim.key)
            print(
                f"{'met' if aim.is_met(value) else 'MISSED':8}{aim.measure:{_NAME}}"
                f"{head} {value:{form}}, at {'most' if aim.at_most else 'least'} {aim.bound:{form}}"
            )
