"""One application of all groups, behind one edge."""

from __future__ import annotations

import ast
from pathlib import Path

from fastapi import Request
from msgspec import Struct
from structlog.testing import capture_logs
from worlds.by_hand import Made
from worlds.http_api import client_of, error_of

from bento_services.admission.admit import Admission
from bento_services.admission.endpoints import PAGES
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.http import routes
from bento_services.http.app import GROUPS, create_app
from bento_services.http.bodies import Answer
from bento_services.http.endpoints import Endpoints
from feature_repo.core.home import Home


def test_every_routes_file_is_in_the_list() -> None:
    files = {path.stem for path in Path(routes.__path__[0]).glob("*.py")} - {"__init__"}
    modules = {route.endpoint.__module__ for group in GROUPS for route in group.router.routes}  # type: ignore[attr-defined]
    assert {module.rsplit(".", 1)[1] for module in modules} == files


def test_no_two_routes_have_one_address() -> None:
    addresses = [
        (method, route.path)  # type: ignore[attr-defined]
        for group in GROUPS
        for route in group.router.routes
        for method in route.methods  # type: ignore[attr-defined]
    ]
    assert len(addresses) == len(set(addresses))


def test_two_applications_do_not_share_an_engine(made: Made) -> None:
    def absent() -> None:
        raise AssertionError

    first, second = create_app(lambda: made.engine), create_app(absent)  # type: ignore[arg-type, return-value]
    assert first.app.app.state.engine() is made.engine  # type: ignore[attr-defined]
    assert second.app.app.state.engine is absent  # type: ignore[attr-defined]


REFUSED = ("401", "403", "422")  # the last is FastAPI's own, for a parameter that cannot be


class Greeting(Struct, frozen=True):
    words: str


def greetings() -> Endpoints:
    """What a new routes file holds."""
    group = Endpoints("greetings")

    @group.get("/api/v1/greetings/{name}", PAGES, errors=(401, 403))
    async def greet(request: Request, name: str) -> Answer[Greeting]:
        """Say hello."""
        return Answer(Greeting(f"hello {name}"))

    return group


async def test_a_new_endpoint_is_one_group_and_is_admitted_described_and_logged(made: Made, tmp_path: Path) -> None:
    edge = create_app(lambda: made.engine, (*GROUPS, greetings()))
    key = create_key(Home(tmp_path), "web", ["serve"])
    edge.admission = Admission(Keys.of(Home(tmp_path)))
    with capture_logs() as logs:
        async with client_of(edge) as http:
            error_of(await http.get("/api/v1/greetings/you"), 401, "not_authenticated")
            answer = await http.get("/api/v1/greetings/you", headers={"authorization": f"Bearer {key}"})
            document = (await http.get("/openapi.json")).json()
    assert answer.json() == {"words": "hello you"}
    described = document["paths"]["/api/v1/greetings/{name}"]["get"]
    assert (described["description"], described["tags"]) == ("Say hello.", ["greetings"])
    refused = {described["responses"][status]["content"]["application/json"]["schema"]["$ref"] for status in REFUSED}
    assert refused == {"#/components/schemas/Error"}
    assert document["components"]["schemas"]["Greeting"]["required"] == ["words"]
    assert [(line["route"], line["status"]) for line in logs][:2] == [
        ("other", 401),
        ("/api/v1/greetings/{name}", 200),
    ]


def test_routes_import_no_other_routes() -> None:
    for path in Path(routes.__path__[0]).glob("*.py"):
        imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert not [module for module in imported if module and module.startswith(routes.__name__)], path
