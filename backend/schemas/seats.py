"""Seats on the wire."""

from pydantic import BaseModel, Field


class Seats(BaseModel):
    """Joined, invited and guests take a seat each."""

    limit: int | None = Field(description="Null: there is none.")
    joined: int = Field(description="Who came back is among them from their next sign-in on.")
    invited: int = Field(description="With an invitation that is open.")
    invitable: int = Field(description="Of the directory, and neither joined nor invited.")
    guests: int = Field(description="Let in by an admin until a day, joined or not.")
