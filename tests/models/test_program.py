"""A program says what is wrong with a file or with inputs, and imports no torch."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from worlds.live import ROOT

from models.export import exported
from models.program import Program, ProgramError


@pytest.fixture(scope="module")
def doubled() -> Program:
    class Doubled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    return exported(Doubled(), {"x": np.ones((2, 3), dtype=np.float32)}, {"x": (0,)})


def test_a_program_from_a_file_is_saved_as_the_same_file(doubled: Program, tmp_path: Path) -> None:
    doubled.save(tmp_path / "one.onnx")
    Program(tmp_path / "one.onnx").save(tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_a_damaged_file_is_named(doubled: Program, tmp_path: Path) -> None:
    doubled.save(tmp_path / "one.onnx")
    whole = (tmp_path / "one.onnx").read_bytes()
    (tmp_path / "one.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProgramError, match=r"one\.onnx"):
        Program(tmp_path / "one.onnx")
    (tmp_path / "one.onnx").write_bytes(b"")
    with pytest.raises(ProgramError, match=r"one\.onnx"):
        Program(tmp_path / "one.onnx")


def test_running_one_leaves_nothing_in_the_users_directories(doubled: Program, tmp_path: Path) -> None:
    """ONNX Runtime counts what it does in a file there, and reports it, unless it is told not to."""
    doubled.save(tmp_path / "one.onnx")
    home = tmp_path / "home"
    home.mkdir()
    program = "import sys; from models.program import Program; Program(open(sys.argv[1], 'rb').read())"
    told = {"PATH": os.environ["PATH"], "HOME": str(home)}  # no CI, where it is silent by itself
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "one.onnx")], cwd=ROOT, env=told, check=True)
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("wrong", [np.ones((2, 3)), np.ones((2, 4), dtype=np.float32), np.ones(3, dtype=np.float32)])
def test_inputs_of_another_type_or_shape_are_refused(doubled: Program, wrong: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ProgramError):
        doubled(wrong)
    with pytest.raises(ValueError, match=r"longer|shorter"):
        doubled(wrong, wrong)


def test_what_serves_imports_nothing_that_its_lock_does_not_install() -> None:
    """Else it runs here, where everything is installed, and nowhere else."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lock = (ROOT / "requirements" / "serve.lock").read_text()
    installed = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    named = {re.split(r"[\[<>=,;]", one)[0] for one in (*extras["work"], *extras["train"])}
    absent = sorted(named - installed - {"marquee"})
    assert {"torch", "pyarrow", "pandas"} <= set(absent)
    code = (
        "import sys, models.release.artifact, bento_services.process.home_service, bento_services.process.open_engine\n"
        "from importlib.metadata import packages_distributions\n"
        f"absent, owners = {absent}, packages_distributions()\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*(top for top in tops if {*owners.get(top, ())} & {*absent}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
