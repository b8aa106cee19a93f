"""An exported network answers without the code that it was trained by, for any number of rows."""

import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

from models.program import called, exported


class Doubled(nn.Module):
    def forward(self, x_BD: Tensor) -> Tensor:
        return 2 * x_BD


def test_a_program_answers_for_another_number_of_rows(tmp_path: Path) -> None:
    program = exported(Doubled(), [torch.ones(3, 2)], [{0: torch.export.Dim("rows")}])
    torch.export.save(program, tmp_path / "network.pt2")
    with torch.no_grad():
        answer = called(torch.export.load(tmp_path / "network.pt2"))(torch.full((5, 2), 1.5))
    assert answer.tolist() == [[3.0, 3.0]] * 5


def test_no_example_is_saved_as_a_pickle(tmp_path: Path) -> None:
    program = exported(Doubled(), [torch.ones(3, 2)], [{0: torch.export.Dim("rows")}])
    assert program.example_inputs is None
    torch.export.save(program, tmp_path / "network.pt2")
    kept = [name for name in zipfile.ZipFile(tmp_path / "network.pt2").namelist() if "sample_inputs" in name]
    assert all(not zipfile.ZipFile(tmp_path / "network.pt2").read(name) for name in kept)
