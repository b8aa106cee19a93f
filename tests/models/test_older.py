"""A release of an older revision says what reads it, where torch is not installed."""

import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from models.older import older_program


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.scale * x_BD


WITHOUT_TORCH = """
import sys
from pathlib import Path
sys.modules["torch"] = None
from models.older import older_program
try:
    older_program(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_where_there_is_a_program_there_is_nothing_to_convert(tmp_path: Path) -> None:
    (tmp_path / "ranker.onnx").write_bytes(b"")
    assert older_program(tmp_path / "ranker.onnx") is None


def test_without_torch_an_older_network_says_what_to_install_or_to_run(tmp_path: Path) -> None:
    (tmp_path / "ranker.pt2").write_bytes(b"")
    command = [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "ranker.onnx")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("ProgramError")
    assert "`train` extra" in said
    assert "marquee release" in said


ASKED = """
import sys
from pathlib import Path
import numpy as np
from models.older import older_program
convert = older_program(Path(sys.argv[1]))
program, weights = convert({"x": np.ones((3, 2), dtype=np.float32)}, {"x": (0,)})
print(program(np.ones((4, 2), dtype=np.float32)).tolist()[0], weights["scale"].tolist(), "torch" in sys.modules)
"""


def asked(file: Path) -> str:
    command = [sys.executable, "-c", ASKED, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_network_of_a_release_is_converted_once_beside_it_and_anew_when_that_is_damaged(tmp_path: Path) -> None:
    release = tmp_path / "releases" / "r-0123456789ab"
    release.mkdir(parents=True)
    rows = torch.export.Dim("rows")
    older = torch.export.export(Scaled(), (torch.ones(3, 2),), dynamic_shapes=({0: rows},))
    torch.export.save(older, release / "network.pt2")
    right = "[2.0, 3.0] [2.0, 3.0]"
    assert asked(release / "network.onnx") == f"{right} True"
    assert asked(release / "network.onnx") == f"{right} False"
    assert [file.name for file in release.iterdir()] == ["network.pt2"]
    (kept,) = (tmp_path / "releases" / ".converted").iterdir()
    for damaged in (b"", kept.read_bytes()[:-1] + b"x"):
        kept.write_bytes(damaged)
        assert asked(release / "network.onnx") == f"{right} True"
        assert asked(release / "network.onnx") == f"{right} False"
