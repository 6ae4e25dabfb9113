"""A service that streams what became of each operation, as lines of JSON, while it goes on.

Run it with `uvicorn fastapi_stream:app`. A caller that goes away ends the work: no cancel is sent
any more. What has to go on belongs into a job, or into a task as in celery_task.py.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from countermand import AsyncClient


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncClient(user_agent="rescue-service/1.0") as client:
        app.state.client = client  # one for all requests: they share its connection
        yield


app = FastAPI(lifespan=lifespan)


class Rescue(BaseModel):
    names: list[str]
    deadline: float = 30.0


@app.post("/countermand")
async def countermand(rescue: Rescue, request: Request) -> StreamingResponse:
    client: AsyncClient = request.app.state.client

    async def lines() -> AsyncIterator[str]:
        found = client.countermand_all(rescue.names, deadline=rescue.deadline)
        async with aclosing(found) as results:
            async for name, result in results:
                yield json.dumps({"name": name, "result": result.to_dict()}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
