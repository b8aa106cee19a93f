"""A release of an older revision says what reads it, where torch is not installed."""

import subprocess
import sys
from pathlib import Path

from models.older import older_program

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
