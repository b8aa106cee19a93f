"""What docs/client.md shows runs as it is written, against a served home."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bento_services.process.supervisor import running
from feature_repo.core.home import Home

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "client.md"
ADDRESS = "http://127.0.0.1:8080"


def test_the_examples_run_as_they_are_written(own_world: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert [ADDRESS in example for example in examples] == [True] * 6
    names: dict[str, Any] = {"__name__": "examples"}
    with running(Home.open(own_world), http_port=0, grpc_port=0) as ports:
        for example in examples:
            exec(example.replace(ADDRESS, ports.http_url), names)
