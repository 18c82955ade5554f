"""For operators: liveness, readiness, metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from backend.database import Schema, privileges_sentence
from backend.errors import TemporarilyUnavailable
from backend.http.guards import DatabaseDep
from backend.http.problems import problems
from backend.services import deployment

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    status: str = "ok"


@router.get("/healthz", summary="The process answers")
async def healthz() -> Health:
    return Health()


class Readiness(Health):
    detail: str | None = Field(
        default=None, description="What is not as usual: the schema is a newer version's."
    )


@router.get(
    "/readyz",
    summary="The database can be written to, with this version's schema or a newer one's",
    response_model_exclude_none=True,
    responses=problems(503),
)
async def readyz(database: DatabaseDep) -> Readiness:
    if not await database.is_writable():
        raise TemporarilyUnavailable("The database can only be read. It may be a standby.")
    schema = await database.schema()
    if not schema.usable:
        raise TemporarilyUnavailable(schema.sentence)
    if lacking := await database.lacking():
        raise TemporarilyUnavailable(privileges_sentence(lacking))
    return Readiness(detail=None if schema is Schema.CURRENT else schema.sentence)


@router.get("/metrics", summary="Metrics of this process for Prometheus")
async def metrics(database: DatabaseDep) -> Response:
    await deployment.measure(database)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
