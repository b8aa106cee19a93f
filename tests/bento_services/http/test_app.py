"""One application of all groups, behind one edge."""

from __future__ import annotations

import ast
from pathlib import Path

from worlds.by_hand import Made

from bento_services.http import routes
from bento_services.http.app import GROUPS, create_app


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
    assert first.app.state.engine() is made.engine  # type: ignore[attr-defined]
    assert second.app.state.engine is absent  # type: ignore[attr-defined]


def test_routes_import_no_other_routes() -> None:
    for path in Path(routes.__path__[0]).glob("*.py"):
        imported = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert not [module for module in imported if module and module.startswith(routes.__name__)], path
