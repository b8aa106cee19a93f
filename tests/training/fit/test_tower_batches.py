"""Batches for the user tower: every watch once, long histories in windows, and padding that says nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worlds.ring import CONFIG, VIEWERS, WATCHES, write_ring

from feature_repo.core.home import Home
from models.retrieval.two_tower import user_tower
from training.data.verdicts import Verdicts
from training.fit.tower_batches import BROKEN, EVEN_WIDTH
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


def test_every_watch_of_every_viewer_is_in_an_epoch_once(home: Home) -> None:
    trainer = Trainer(home, CONFIG, training_data(home, CONFIG))
    batches = trainer.batches(0)
    assert sum(int(batch.inputs.count_B.sum()) - len(batch.inputs.count_B) for batch in batches) == VIEWERS * (
        WATCHES - 2
    )
    assert not torch.equal(batches[0].inputs.token_BT, trainer.batches(1)[0].inputs.token_BT)


def test_a_long_history_gives_its_newest_watches_and_one_earlier_window(home: Home) -> None:
    config = replace(CONFIG, length=4)
    trainer = Trainer(home, config, training_data(home, config))
    whole = {tuple(row.tokens.tolist()) for row in trainer.rows}  # of ten watches each
    newest, earlier = set(), 0
    for batch in trainer.batches(0):
        for tokens, count in zip(batch.inputs.token_BT.tolist(), batch.inputs.count_B.tolist(), strict=True):
            piece = tuple(tokens[1:count])
            assert len(piece) <= 4
            assert any(piece == row[at : at + len(piece)] for row in whole for at in range(len(row)))
            newest |= {row for row in whole if row[-4:] == piece}
            earlier += any(piece == row[at : at + len(piece)] for row in whole for at in range(6))
    assert newest == whole
    assert earlier >= VIEWERS * 0.5
    alone = Trainer(home, replace(config, older_windows=False), training_data(home, config))
    assert sum(len(batch.inputs.count_B) for batch in alone.batches(0)) == VIEWERS


def test_verdicts_stay_beside_their_watches_in_every_window(home: Home) -> None:
    config = replace(CONFIG, length=4)
    data = training_data(home, config)
    train, count = data.train, len(data.train.video_ids)
    strong = np.array([video_id in ("v03", "v04") for video_id in train.video_ids])
    rows = np.flatnonzero(train.video_ids == "v05")
    before = np.repeat(rows, BROKEN + 2)
    broken = np.array([f"v{at:02}" for at in range(10, 12 + BROKEN)] * len(rows), dtype=object)
    trainer = Trainer(home, config, data, verdicts=Verdicts(strong, before, broken))
    assert count == len(strong)
    names, seen = trainer.encoding.video_ids, 0
    for batch in trainer.batches(0):
        for tokens, size, strengths, all_broken in zip(
            batch.inputs.token_BT[:, 1:].tolist(),
            (batch.inputs.count_B - 1).tolist(),
            batch.strong_BT.tolist(),
            batch.broken_BTK.tolist(),
            strict=True,
        ):
            for at, (is_strong, few) in enumerate(zip(strengths, all_broken, strict=True)):
                video_id = names[tokens[at]] if at < size else ""
                assert is_strong == (video_id in ("v03", "v04"))
                newest = [f"v{one:02}" for one in range(11 + BROKEN, 11, -1)] if video_id == "v05" else []
                assert [names[one] for one in few if one >= 0] == newest
                seen += len(newest)
    assert seen


def test_batches_come_in_few_widths_and_their_padding_says_nothing(home: Home) -> None:
    config = replace(CONFIG, dropout=0.0, id_dropout=0.0, time_bias="query")
    trainer = Trainer(home, config, training_data(home, config))
    some = sorted(trainer.validation.rows, key=lambda row: len(row.tokens))[-2:]
    token_BT, count_B, time_BT, _ = trainer.inputs.batch(some)
    assert token_BT.shape[1] - 1 == min(-(-len(some[-1].tokens) // EVEN_WIDTH) * EVEN_WIDTH, config.length)
    assert time_BT is not None
    assert time_BT.shape[1] == token_BT.shape[1] + 1
    tower = user_tower(trainer.network)
    narrow = int(count_B.max())
    with torch.inference_mode():
        wide = tower(token_BT, count_B, time_BT)
        tight = tower(token_BT[:, :narrow], count_B, torch.cat([time_BT[:, :narrow], time_BT[:, -1:]], dim=1))
    torch.testing.assert_close(wide, tight, rtol=1e-4, atol=1e-5)
