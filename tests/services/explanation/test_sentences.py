"""Each code has words, and no word is left blank."""

from datetime import UTC, datetime

import pytest

from backend.schemas.access import Role
from backend.schemas.explanation import (
    ChangeCode,
    HistoryChange,
    Named,
    Reason,
    ReasonCode,
    Refusal,
    RefusalCode,
)
from backend.services.explanation.sentences import (
    change_sentence,
    reason_sentence,
    refusal_sentence,
)

AT = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("code", ReasonCode)
def test_of_a_reason(code: ReasonCode) -> None:
    reason = Reason(code=code, at=AT, state="x", idp_id="x", directory_user_id="x")
    sentence = reason_sentence(reason)
    assert sentence is not None
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "None" not in sentence


@pytest.mark.parametrize("code", RefusalCode)
def test_of_a_refusal(code: RefusalCode) -> None:
    reason = Reason(code=ReasonCode.REMOVED, at=AT)
    refusal = Refusal(code=code, at=AT, directory=Named(id="d", name=None), reason=reason)
    sentence = refusal_sentence(refusal, "Ann Lee")
    assert sentence.startswith("Ann Lee ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("code", ChangeCode)
def test_of_a_change(code: ChangeCode) -> None:
    change = HistoryChange(
        code=code, name="x", old_name="y", gained=[Role.AUTHOR], lost=[Role.ADMIN]
    )
    sentence = change_sentence(change)
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "None" not in sentence


@pytest.mark.parametrize(
    ("gained", "lost", "sentence"),
    [
        ([Role.AUTHOR], [Role.ADMIN], "Gained author and lost admin."),
        ([], [Role.ADMIN, Role.AUTHOR], "Lost admin, author."),
    ],
)
def test_of_changed_roles(gained: list[Role], lost: list[Role], sentence: str) -> None:
    change = HistoryChange(code=ChangeCode.ROLES_CHANGED, gained=gained, lost=lost)
    assert change_sentence(change) == sentence


def test_a_name_is_shown_as_it_is() -> None:
    reason = Reason(code=ReasonCode.NOT_ACTIVE, state="{at}")
    assert "“{at}”" in str(reason_sentence(reason))
