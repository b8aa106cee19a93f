"""The generated code is what the proto gives, so nobody edits it by hand and nobody forgets `make proto`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bento_services.rpc.generate import GENERATED, generate


def test_the_generated_code_is_what_the_proto_gives(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools, of the dev extra, makes the code")
    made = generate(tmp_path)
    assert [path.name for path in made] == ["marquee_pb2.py", "marquee_pb2_grpc.py"]
    for path in made:
        assert path.read_text() == (GENERATED / path.name).read_text(), f"{path.name}: run `make proto`"
