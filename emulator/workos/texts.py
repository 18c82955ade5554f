"""Text that clients send."""


def given(text: str | None) -> str | None:
    """The text, or None: what is blank counts as missing."""
    return text if text is not None and text.strip() else None
