"""Why a mail was not sent, as codes and in words."""

from collections.abc import Mapping
from enum import StrEnum


class MailFault(StrEnum):
    """Why a mail has not gone out; MAIL_FAULT_SENTENCES says it to people."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    REFUSED = "refused"
    REFUSED_FOR_NOW = "refused_for_now"
    SENDER_REFUSED = "sender_refused"
    LOGIN_REFUSED = "login_refused"
    TLS_FAILED = "tls_failed"
    NOT_SUPPORTED = "not_supported"
    UNREACHABLE = "unreachable"
    NOT_CONFIGURED = "not_configured"
    KEY_CHANGED = "key_changed"
    INVITATION_ENDED = "invitation_ended"
    INTERNAL_ERROR = "internal_error"


MAIL_FAULT_SENTENCES: Mapping[MailFault, str] = {
    MailFault.NO_ADDRESS: (
        "The directory has no e-mail address for this person. Send them the link yourself."
    ),
    MailFault.BAD_ADDRESS: (
        "No mail can be sent to the e-mail address that the directory has for this person. Send "
        "them the link yourself, and ask your IT administrator to correct the address."
    ),
    MailFault.REFUSED: (
        "The mail server refused the mail for this address. Send the link yourself, or have the "
        "address checked and invite the person again."
    ),
    MailFault.REFUSED_FOR_NOW: "The mail server does not take the mail at the moment.",
    MailFault.SENDER_REFUSED: (
        "The mail server refuses our sender address. Whoever runs Rollcall sets MAIL_FROM to one "
        "that it takes."
    ),
    MailFault.LOGIN_REFUSED: (
        "The mail server refuses our login. Whoever runs Rollcall corrects user and password in "
        "SMTP_URL."
    ),
    MailFault.TLS_FAILED: (
        "No encrypted connection to the mail server could be made. Whoever runs Rollcall checks "
        "the server's certificate, and the scheme and starttls of SMTP_URL."
    ),
    MailFault.NOT_SUPPORTED: (
        "The mail server lacks what this mail needs, such as a login or addresses in other "
        "scripts. Whoever runs Rollcall checks SMTP_URL."
    ),
    MailFault.UNREACHABLE: "The mail server does not answer.",
    MailFault.NOT_CONFIGURED: (
        "Mail was switched off before this one went out. Invite the person again and send the "
        "link yourself."
    ),
    MailFault.KEY_CHANGED: (
        "The link could not be made again, for SESSION_SECRET is another than when it was first "
        "made. Whoever runs Rollcall sets it alike wherever it runs; then invite the person again."
    ),
    MailFault.INVITATION_ENDED: "The invitation ended before the mail went out.",
    MailFault.INTERNAL_ERROR: (
        "Rollcall failed at this mail, and its log says why. Send the link yourself."
    ),
}


class MailNotSent(Exception):
    """A mail that did not go out.

    Args:
        fault: the cause.
        answer: the server's own words, or those of the connection.
        for_good: whether the same mail would be refused again, whenever it is sent.
    """

    def __init__(self, fault: MailFault, answer: str = "", *, for_good: bool = False) -> None:
        super().__init__(f"{fault}: {answer}" if answer else str(fault))
        self.fault = fault
        self.answer = answer
        self.for_good = for_good
