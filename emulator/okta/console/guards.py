"""What the console's handlers ask for, and the wait that follows each of their actions."""

from typing import Annotated

from fastapi import Depends, Query, Request

from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError
from emulator.store import Row

COMPANY = "emulator_company"
SETTLE_SECONDS = 2
PAGE_SIZE = 50


def get_okta(request: Request) -> Okta:
    okta: Okta = request.app.state.okta
    return okta


OktaDep = Annotated[Okta, Depends(get_okta)]


def get_company(request: Request, okta: OktaDep, company: str | None = None) -> Row:
    """The company asked for, else the one chosen last, else the first."""
    companies = okta.records.companies()
    if not companies:
        raise OktaRefusedError("There is no company yet.")
    wanted = company or request.cookies.get(COMPANY)
    return next((row for row in companies if row["id"] == wanted), companies[0])


CompanyDep = Annotated[Row, Depends(get_company)]


class Search:
    """What is looked for in a list, and which page of it is shown."""

    def __init__(self, q: str = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1) -> None:
        self.q = q.strip()
        self.page = page
        self.offset = (page - 1) * PAGE_SIZE

    @property
    def like(self) -> str:
        escaped = self.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"


SearchDep = Annotated[Search, Depends()]


async def settled(okta: OktaDep) -> None:
    """Let the webhooks of an action be tried, so that who acts next sees its effect."""
    await okta.http.post("/emulator/settle", params={"seconds": SETTLE_SECONDS})
