"""Training beside the processor: on a GPU where there is one, and everywhere on a device that is emulated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORLDS = Path(__file__).resolve().parents[2] / "worlds"
ROOT = WORLDS.parents[1]
GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: torch.cuda.is_available() is false")
)

MIXED = """
import torch
from worlds.emulated_device import DEVICE, Emulation
with Emulation():
    here, there = torch.ones(3), torch.ones(3, device=DEVICE)
    assert (there + 1).device == DEVICE and (there + torch.tensor(1.0)).sum().item() == 6
    for mixed in (lambda: there + here, lambda: here[there.long()], lambda: there.lerp_(here, 0.5)):
        try:
            mixed()
        except RuntimeError as error:
            assert "on one device" in str(error)
        else:
            raise SystemExit("mixed")
"""


def run(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{WORLDS.parent}"}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("device", ["emulated", GPU])
def test_a_run_that_stops_and_goes_on_elsewhere_is_the_run_here(tmp_path: Path, device: str) -> None:
    for place in json.loads(run(str(WORLDS / "train_on_a_device.py"), str(tmp_path), device)).values():
        here, elsewhere = place["here"], place["elsewhere"]
        assert [e["loss"] for e in elsewhere["curve"]] == pytest.approx([h["loss"] for h in here["curve"]], abs=0.02)
        assert elsewhere["curve"][-1]["mrr_at_10"] == pytest.approx(here["curve"][-1]["mrr_at_10"], abs=0.05)
        assert elsewhere["vector"] == pytest.approx(here["vector"], abs=0.05)


def test_what_is_on_the_emulated_device_does_not_mix_with_the_processor() -> None:
    run("-c", MIXED)
