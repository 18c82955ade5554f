"""What can be noted."""

import re
from pathlib import Path

from backend.schemas.audit import AuditAction

ROOT = Path(__file__).parent.parent.parent
WORDS = ROOT / "frontend" / "src" / "lib" / "audit" / "words.ts"


def test_the_page_has_words_for_each_action() -> None:
    named = set(re.findall(r'^  "?([a-z_.]+)"?: m\.action_', WORDS.read_text(), re.MULTILINE))
    assert {action.value for action in AuditAction} <= named
