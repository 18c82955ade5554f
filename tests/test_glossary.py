"""One concept, one name: the code holds to docs/glossary.md, and the glossary to the code."""

import re
from pathlib import Path

import pytest

from backend.main import create_app
from backend.models import Base
from backend.models.access import views
from backend.settings import Settings

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"

NOT_ANY_MORE = {
    "user": r"accounts?|account_\w+|\w+_accounts?",
    "snapshot": r"readings|(?:an?|the|this|that|each|every|last|first|complete|whole) reading",
    "live": r"counting_\w+|(?:do|does) not count|counts? no more",
    "state": r"standings?",
    "find, read": r"look_up\w*|take_up\w*|said\(\)",
    "the field's own word": r"(?-i:Circle|Patience|Rests|Tries)",
}

# The field's word for a program's, which is a user, too.
_SERVICE_ACCOUNT = re.compile(r"service[ _-]accounts?(?:_id)?", re.IGNORECASE)

# Where the word stays, and why.
ALLOWED = {
    # People read these sentences, and programs may compare them.
    "backend/services/explanation/sentences.py": {"account", "does not count", "The reading"},
    "tests/services/explanation/test_membership_reasons.py": {"does not count", "The reading"},
    # What the attack is called everywhere.
    "tests/test_incidents.py": {"test_account_takeover_by_e_mail_adoption"},
    # The page is called so, as in every product.
    "tests/journey/test_frame.py": {"account"},
    "tests/journey/test_pages.py": {"account"},
    "tests/journey/test_credentials.py": {"account"},
    "bench/pages.py": {"account"},
    "tools/screenshots.py": {"account"},
    "docs/performance.md": {"account"},
    # Accounts at WorkOS and at Okta, which are no users of ours.
    "docs/decisions/0004-an-emulator-of-our-own.md": {"accounts"},
    "docs/not-tried.md": {"accounts"},
    "docs/tutorial.md": {"accounts"},
    # It says that it is not to be used.
    "docs/glossary.md": {"account"},
}


def texts() -> dict[str, str]:
    folders = ("backend", "tests", "bench", "tools", "docs")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    read = [path for path in paths if path.suffix in {".py", ".sql", ".md"}]
    here = Path(__file__)
    return {
        str(path.relative_to(ROOT)): _SERVICE_ACCOUNT.sub("program", path.read_text())
        for path in [*read, ROOT / "README.md"]
        if path != here
    }


def test_words_that_are_not_to_be_used_any_more() -> None:
    found = []
    for path, text in texts().items():
        for better, words in NOT_ANY_MORE.items():
            for match in re.finditer(rf"\b(?:{words})(?!\w)", text, re.IGNORECASE):
                if match[0] not in ALLOWED.get(path, set()):
                    line = text.count("\n", 0, match.start()) + 1
                    found.append(f"{path}:{line}: {match[0]} (better: {better})")
    assert not found, "\n".join(found)


def test_no_word_is_allowed_that_is_not_used() -> None:
    everything = texts()
    for path, words in ALLOWED.items():
        assert [word for word in words if word not in everything[path]] == [], path


def named() -> list[str]:
    """What the last column of the glossary names."""
    lines = GLOSSARY.read_text().splitlines()
    where = [line.split("|")[3] for line in lines if line.startswith("| **")]
    return [name for cell in where for name in re.findall("`([^`]+)`", cell)]


@pytest.mark.parametrize("name", named())
def test_what_the_glossary_names_is_there(name: str) -> None:
    if name.startswith("/"):
        app = create_app(
            Settings(session_secret="for the routes, and long enough for it"), check_pages=False
        )
        assert name in app.openapi()["paths"]
    elif name.endswith((".py", ".sql")):
        assert (ROOT / "backend" / name).exists()
    else:
        table, _, column = name.partition(".")
        tables = {**Base.metadata.tables, **views.tables}
        assert table in tables
        assert not column or column in tables[table].columns
