"""Batches for the user tower: every watch once, long histories in windows, and padding that says nothing."""

from dataclasses import replace

import pytest
import torch
from worlds.ring import CONFIG, VIEWERS, WATCHES, write_ring

from feature_repo.core.home import Home
from models.retrieval.two_tower import user_tower
from training.fit.tower_batches import EVEN_WIDTH
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
    assert sum(int(batch.count_B.sum()) - len(batch.count_B) for batch in batches) == VIEWERS * (WATCHES - 2)
    assert not torch.equal(batches[0][0], trainer.batches(1)[0][0])


def test_a_long_history_gives_its_newest_watches_and_one_earlier_window(home: Home) -> None:
    config = replace(CONFIG, length=4)
    trainer = Trainer(home, config, training_data(home, config))
    whole = {tuple(row.tokens.tolist()) for row in trainer.rows}  # of ten watches each
    newest, earlier = set(), 0
    for batch in trainer.batches(0):
        for tokens, count in zip(batch.token_BT.tolist(), batch.count_B.tolist(), strict=True):
            piece = tuple(tokens[1:count])
            assert len(piece) <= 4
            assert any(piece == row[at : at + len(piece)] for row in whole for at in range(len(row)))
            newest |= {row for row in whole if row[-4:] == piece}
            earlier += any(piece == row[at : at + len(piece)] for row in whole for at in range(6))
    assert newest == whole
    assert earlier >= VIEWERS * 0.5
    alone = Trainer(home, replace(config, older_windows=False), training_data(home, config))
    assert sum(len(batch.count_B) for batch in alone.batches(0)) == VIEWERS


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
