"""Mails, each from three templates: subject, plain text, HTML."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(
    template: str,
    *,
    sender: Address,
    to: Address,
    reply_to: Address | None,
    message_id: str,
    values: dict[str, object],
) -> EmailMessage:
    """A mail in plain text and in HTML, which loads nothing from anywhere.

    Args:
        template: what the files of its templates are called.
        sender: from whom.
        to: to whom.
        reply_to: who gets the answer, if not the sender.
        message_id: the same for every try, so that one that came twice can be known as one.
        values: what stands in the templates.
    """
    plain = {name: _on_one_line(value) for name, value in values.items()}
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _TEMPLATES.get_template(f"{template}.subject.txt").render(plain).strip()
    message["From"] = sender
    message["To"] = to
    if reply_to is not None:
        message["Reply-To"] = reply_to
    message["Date"] = localtime()
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEMPLATES.get_template(f"{template}.txt").render(plain))
    html = _TEMPLATES.get_template(f"{template}.html").render(plain)
    message.add_alternative(html, subtype="html")
    return message


def _on_one_line(value: object) -> object:
    """A name could hold a header's end, or lines that look like ours."""
    if not isinstance(value, str):
        return value
    shown = "".join(each if each.isprintable() else " " for each in value)
    return " ".join(shown.split())
