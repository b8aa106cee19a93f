"""A BentoML service that does nothing, served as Marquee's is: what the framework alone costs on this machine."""

import bentoml
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

app = FastAPI()


@app.get("/empty")
async def empty() -> Response:
    return Response(b"{}", media_type="application/json")


@bentoml.service(name="empty", logging={"access": {"enabled": False}})
@bentoml.asgi_app(app, path="/")
class Empty:
    """No state."""


if __name__ == "__main__":
    import sys

    uvicorn.run(
        Empty.to_asgi(),  # type: ignore[attr-defined]
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        log_level="error",
        access_log=False,
    )
