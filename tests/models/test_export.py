"""An exported network answers without the code that it was trained by, for any number of rows."""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from models.export import converted, exported
from models.program import Program

EXAMPLE = {"x": np.ones((3, 2), dtype=np.float32)}


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.scale * x_BD


def test_a_program_answers_for_another_number_of_rows(tmp_path: Path) -> None:
    exported(Scaled(), EXAMPLE, {"x": (0,)}).save(tmp_path / "network.onnx")
    program = Program(tmp_path / "network.onnx")
    assert program.inputs == ("x",)
    for rows in (1, 5):
        assert program(np.full((rows, 2), 1.5, dtype=np.float32)).tolist() == [[3.0, 4.5]] * rows


def test_equal_networks_are_equal_files_that_name_no_source_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        exported(Scaled(), EXAMPLE, {"x": (0,)}).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = onnx.load(tmp_path / "one")
    assert not [part for part in (model, model.graph, *model.graph.node) if part.metadata_props]
    assert b".py" not in (tmp_path / "one").read_bytes()


def test_a_network_of_an_older_revision_becomes_a_program_with_its_weights(tmp_path: Path) -> None:
    older = torch.export.export(Scaled(), (torch.ones(3, 2),), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(older, tmp_path / "network.pt2")
    program, weights = converted(tmp_path / "network.pt2", EXAMPLE, {"x": (0,)})
    assert program(np.ones((4, 2), dtype=np.float32)).tolist() == [[2.0, 3.0]] * 4
    assert weights["scale"].tolist() == [2.0, 3.0]
