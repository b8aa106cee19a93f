"""Program of test_devices.py: train, stop in the third epoch, go on; on the processor and on a device, as JSON.

python tests/worlds/train_on_a_device.py DIRECTORY emulated|cuda
"""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from worlds.ring import CONFIG, write_ring

from feature_repo.core.home import Home
from training.data.splits import Holdout
from training.data.viewer_context import ViewerContexts, user_vectors
from training.fit import tower_trainer
from training.fit.tower_trainer import Trainer
from training.fit.two_tower import fit
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data

# All that the tower can hear; no dropout, whose draws are a device's own.
CHOSEN = {"epochs": 5, "refit_epochs": 1, "average": 0.9, "time_bias": "query", "asker": True}
FULL_SOFTMAX_BELOW = {"full": 1000, "sampled": 10}
BATCHES = Trainer.batches


def stopped(trainer: Trainer, epoch: int) -> Any:
    if epoch == 2:
        raise KeyboardInterrupt
    return BATCHES(trainer, epoch)


def trained(home: Home, checkpoint: Path) -> dict[str, Any]:
    config = TwoTowerConfig(**{**vars(CONFIG), **CHOSEN})
    data = training_data(home, config)
    Trainer.batches = stopped  # type: ignore[method-assign,assignment]
    try:
        fit(home, config, data, checkpoint)
    except KeyboardInterrupt:
        Trainer.batches = BATCHES  # type: ignore[method-assign]
    fitted = fit(home, config, data, checkpoint)
    assert fitted.refitted is not None
    asked = Holdout(["u00"], [fitted.refitted.video_ids[:3]], [[1, 2, 3]], np.array([4]), [[]])
    (vector,) = user_vectors(fitted.refitted, ViewerContexts.of(home), asked)
    return {"curve": fitted.curve, "vector": vector.tolist()}


def main(directory: Path, name: str) -> dict[str, Any]:
    home = Home(directory / "home")
    write_ring(home, watches=8, country="AQ")
    device = torch.device("cuda")
    emulation: AbstractContextManager[Any] = nullcontext()
    if name == "emulated":
        from worlds import emulated_device

        device, emulation = emulated_device.DEVICE, emulated_device.Emulation()  # type: ignore[no-untyped-call]
    places: dict[str, tuple[torch.device, AbstractContextManager[Any]]] = {
        "here": (torch.device("cpu"), nullcontext()),
        "elsewhere": (device, emulation),
    }
    found: dict[str, Any] = {}
    for softmax, limit in FULL_SOFTMAX_BELOW.items():
        tower_trainer.FULL_SOFTMAX_BELOW = limit  # type: ignore[attr-defined]
        for place, (where, context) in places.items():
            tower_trainer.fastest_device = lambda where=where: where  # type: ignore[attr-defined,misc]
            with context:
                found.setdefault(softmax, {})[place] = trained(home, directory / f"{softmax}-{place}")
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
