"""For operators: liveness, readiness, metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

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


@router.get(
    "/readyz", summary="The database answers and has this version's schema", responses=problems(503)
)
async def readyz(database: DatabaseDep) -> Health:
    if not await database.is_current():
        raise TemporarilyUnavailable("The schema is outdated. Run `rollcall migrate`.")
    return Health()


@router.get("/metrics", summary="Metrics of this process for Prometheus")
async def metrics(database: DatabaseDep) -> Response:
    await deployment.measure(database)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
