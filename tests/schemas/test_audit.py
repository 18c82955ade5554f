"""What can be noted."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.schemas.audit import AuditAction, AuditDetail, MirrorState
from backend.services import audit

ROOT = Path(__file__).parent.parent.parent
WORDS = ROOT / "frontend" / "src" / "lib" / "audit" / "words.ts"


def test_the_page_has_words_for_each_action() -> None:
    named = set(re.findall(r'^  "?([a-z_.]+)"?: m\.action_', WORDS.read_text(), re.MULTILINE))
    assert {action.value for action in AuditAction} <= named


def test_what_only_a_newer_version_keeps_is_left_out_on_reading() -> None:
    """In a rolling deployment it writes beside us, entries and what its SQL functions return."""
    access = {"active": True, "roles": ["member"], "since": "2026-01-01"}
    detail = {
        "outcome": "applied",
        "why": 1,
        "after": {"access": access, "badge": {"color": "red"}},
    }
    read = audit.read(detail)
    assert read.model_dump() == {
        "outcome": "applied", "after": {"access": {"active": True, "roles": ["member"]}},
    }  # fmt: skip
    assert audit.read_state(detail["after"]) == read.after


def test_what_we_write_is_all_known() -> None:
    with pytest.raises(ValidationError):
        AuditDetail.model_validate({"why": 1})
    with pytest.raises(ValidationError):
        MirrorState.model_validate({"access": {"since": "2026-01-01"}})
