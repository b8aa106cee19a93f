"""The user tower sees the past only, a batch changes nobody's vector, and the artifact is what was trained."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from worlds.pace import slower

from feature_repo.schema import GENRE_SLOTS
from models.encoding.ranker import EncodingError
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import VIEWER_CONTEXT, ViewerContextEncoding
from models.encoding.vocabulary import Vocabulary
from models.retrieval.artifact import RetrievalModel, example
from models.retrieval.blocks import Dropout
from models.retrieval.content import ContentEncoding
from models.retrieval.tower_config import TimeBias, TowerConfig
from models.retrieval.two_tower import TowerInputs, TwoTower, retrieval_model, user_tower

IDS = tuple(f"v{number:02}" for number in range(30))
CONFIG = TowerConfig(dim=16, blocks=2, heads=2, length=10)


def content(n: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    tags = np.empty(n, dtype=object)
    tags[:] = [["tag"]] * n
    return {
        "title": np.array([f"word{row % 5} word{row % 3}" for row in range(n)], dtype=object),
        "description": np.array([f"about{row % 7}" for row in range(n)], dtype=object),
        "tags": tags,
        "genres": (rng.random((n, GENRE_SLOTS)) < 0.1).astype(np.float32),
        "creator_id": np.array([f"c{row % 4}" for row in range(n)], dtype=object),
        "video_language": np.array(["en"] * n, dtype=object),
        "duration_seconds": rng.random(n) * 1000,
    }


@pytest.fixture(scope="module")
def network() -> TwoTower:
    """As if trained: initialization alone is too quiet to tell anything apart."""
    torch.manual_seed(0)
    encoding = ContentEncoding.fit(content(), text_dimensions=4)
    made = TwoTower(encoding.encode(content()), len(encoding.creators), len(encoding.languages), CONFIG)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made


@pytest.fixture(scope="module")
def model(network: TwoTower) -> RetrievalModel:
    encoding = ContentEncoding.fit(content(), text_dimensions=4)
    return retrieval_model(network, SequenceEncoding(IDS, CONFIG.length), encoding)


def vector(model: RetrievalModel, history: list[str], now_us: int = 10**6) -> np.ndarray:
    times = [list(range(len(history)))]
    vector_D: np.ndarray = model.user_vectors([history], times, np.array([now_us]))[0]
    return vector_D


def test_a_state_does_not_see_what_came_after(network: TwoTower) -> None:
    tokens, counts = torch.tensor([[30, 1, 2, 3, 4]]), torch.tensor([5])
    changed = tokens.clone()
    changed[0, 3:] = torch.tensor([9, 8])
    network.eval()
    with torch.no_grad():
        before, after = (network.states(network.video_vectors(), TowerInputs(t, counts))[0] for t in (tokens, changed))
    torch.testing.assert_close(before[:3], after[:3])
    assert (before[3] - after[3]).abs().max() > 1e-3


def test_the_exported_program_is_the_network_for_any_batch_and_length(network: TwoTower, model: RetrievalModel) -> None:
    rng = np.random.default_rng(1)
    for viewers, watched in ((1, 0), (1, 1), (1, 10), (2, 3), (9, 10)):
        histories = [[IDS[token] for token in rng.integers(0, 30, watched)] for _ in range(viewers)]
        tokens, counts = model.sequences.pad([model.sequences.tokens(history) for history in histories])
        with torch.no_grad():
            expected = user_tower(network)(torch.from_numpy(tokens), torch.from_numpy(counts)).numpy()
        found = model.user_vectors(histories, [list(range(watched))] * viewers, np.full(viewers, 10**6))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_viewers_vector_does_not_depend_on_who_else_is_asked_about(model: RetrievalModel) -> None:
    histories = [["v01"], [], list(IDS[:10]), ["v05", "v06"]]
    times = [list(range(len(history))) for history in histories]
    together = model.user_vectors(histories, times, np.full(4, 10**6))
    alone = np.stack([vector(model, history) for history in histories])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_order_matters(model: RetrievalModel) -> None:
    assert np.abs(vector(model, ["v01", "v02"]) - vector(model, ["v02", "v01"])).max() > 1e-3


def test_unknown_videos_are_skipped_and_an_empty_history_is_a_new_viewer(model: RetrievalModel) -> None:
    np.testing.assert_allclose(vector(model, ["v01", "x", "v02"]), vector(model, ["v01", "v02"]), atol=1e-6)
    new = vector(model, [])
    np.testing.assert_allclose(vector(model, ["x", "y"]), new, atol=1e-6)
    assert np.abs(new).max() > 0.1
    assert model.user_vectors([], [], np.zeros(0, dtype=np.int64)).shape == (0, 16)


def test_only_the_newest_of_a_long_history_count(model: RetrievalModel) -> None:
    np.testing.assert_allclose(vector(model, list(IDS)), vector(model, list(IDS[-10:])), atol=1e-6)


def test_a_watch_that_has_not_happened_yet_is_not_known(model: RetrievalModel) -> None:
    seen = model.user_vectors([["v01", "v02", "v03"]], [[100, 200, 201]], np.array([200]))[0]
    np.testing.assert_allclose(seen, vector(model, ["v01", "v02"]), atol=1e-6)


def test_a_video_vector_is_its_id_and_its_content(network: TwoTower, model: RetrievalModel) -> None:
    ids = network.id_embedding.weight.detach().numpy()
    np.testing.assert_allclose(model.item_vectors, ids + model.embed(content()), atol=1e-5)


def test_in_training_some_videos_have_content_only(network: TwoTower, model: RetrievalModel) -> None:
    network.train()
    with torch.no_grad():
        vectors = torch.stack([network.video_vectors() for _ in range(200)]).numpy()
    network.eval()
    alone = np.isclose(vectors, model.embed(content()), atol=1e-5).all(axis=2)
    assert alone.mean() == pytest.approx(CONFIG.id_dropout, abs=0.02)


def test_a_loaded_model_is_the_same(model: RetrievalModel, tmp_path: Path) -> None:
    model.save(tmp_path / "two_tower")
    loaded = RetrievalModel.load(tmp_path / "two_tower")
    np.testing.assert_allclose(vector(loaded, ["v01", "v02"]), vector(model, ["v01", "v02"]), atol=1e-6)
    np.testing.assert_array_equal(loaded.item_vectors, model.item_vectors)
    np.testing.assert_allclose(loaded.embed(content()), model.embed(content()), atol=1e-6)
    assert (loaded.video_ids, loaded.dim) == (list(IDS), 16)


def test_a_model_that_an_older_revision_exported_answers_the_same(
    network: TwoTower, model: RetrievalModel, tmp_path: Path
) -> None:
    model.save(tmp_path)
    tokens, counts = (torch.from_numpy(part) for part in example(model.sequences, model.config).values())
    batch, length = torch.export.Dim("batch", max=99), torch.export.Dim("tokens", max=11)
    free = ({0: batch, 1: length}, {0: batch})
    torch.export.save(
        torch.export.export(user_tower(network), (tokens, counts), dynamic_shapes=free), tmp_path / "user_tower.pt2"
    )
    weights = {name: value.numpy() for name, value in network.content.state_dict().items()}
    save_file(weights, tmp_path / "content_tower.safetensors")
    for name in ("user_tower.onnx", "content_tower.onnx"):
        (tmp_path / name).unlink()
    older = RetrievalModel.load(tmp_path)
    np.testing.assert_allclose(vector(older, ["v01", "v02"]), vector(model, ["v01", "v02"]), atol=1e-6)
    np.testing.assert_allclose(older.embed(content()), model.embed(content()), atol=1e-6)


def test_a_program_that_wants_other_inputs_is_refused_when_it_is_loaded(model: RetrievalModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    listening()[1].program.save(tmp_path / "user_tower.onnx")
    with pytest.raises(EncodingError, match="another version of Marquee"):
        RetrievalModel.load(tmp_path)


def biased(time_bias: TimeBias) -> tuple[TwoTower, RetrievalModel]:
    torch.manual_seed(3)
    encoding = ContentEncoding.fit(content(), text_dimensions=4)
    config = replace(CONFIG, time_bias=time_bias)
    network = TwoTower(encoding.encode(content()), len(encoding.creators), len(encoding.languages), config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network, retrieval_model(network, SequenceEncoding(IDS, CONFIG.length), encoding)


@pytest.mark.parametrize("time_bias", ["none", "history", "query"])
def test_the_served_state_is_the_trained_state_of_the_last_watch(time_bias: TimeBias) -> None:
    network, model = biased(time_bias)
    histories = [["v01", "v02", "v03"], ["v07"], []]
    times = [[1_000_000, 61_000_000, 7_000_000_000], [5], []]
    now_us = np.array([9_000_000_000, 10, 77])
    served = model.user_vectors(histories, times, now_us)
    tokens, counts, seconds = (torch.from_numpy(part) for part in model.sequences.encode(histories, times, now_us))
    with torch.no_grad():
        states = network.eval().states(network.video_vectors(), TowerInputs(tokens, counts, seconds))
    trained = states[torch.arange(3), counts - 1].numpy()
    np.testing.assert_allclose(served, trained, atol=1e-5)


def test_with_a_time_bias_the_same_watches_at_other_times_are_another_viewer() -> None:
    watched, close, spread = ["v01", "v02", "v03"], [10**6, 2 * 10**6, 3 * 10**6], [10**6, 10**9, 10**11]
    cases: tuple[tuple[TimeBias, bool], ...] = (("history", True), ("query", False))
    for time_bias, same_now in cases:
        _, model = biased(time_bias)
        soon, later = (model.user_vectors([watched], [spread], np.array([now]))[0] for now in (10**11 + 1, 10**14))
        other = model.user_vectors([watched], [close], np.array([10**11 + 1]))[0]
        assert np.abs(soon - other).max() > 1e-3
        assert (np.abs(soon - later).max() < 1e-6) == same_now


ASKER = ViewerContextEncoding(dict.fromkeys(VIEWER_CONTEXT, Vocabulary(("a", "b"))))


def asked(*values: str) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=object) for name in VIEWER_CONTEXT}


def listening() -> tuple[TwoTower, RetrievalModel]:
    torch.manual_seed(4)
    encoding, config = ContentEncoding.fit(content(), text_dimensions=4), replace(CONFIG, asker=True)
    creators, languages = len(encoding.creators), len(encoding.languages)
    network = TwoTower(encoding.encode(content()), creators, languages, config, ASKER.cardinalities)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
            if "asker.table" in name:
                parameter[0] = 0.0  # not known says nothing
    return network, retrieval_model(network, SequenceEncoding(IDS, CONFIG.length), encoding, ASKER)


def test_who_asks_now_is_part_of_the_vector_and_who_is_not_known_says_nothing(tmp_path: Path) -> None:
    network, model = listening()
    model.save(tmp_path)
    model = RetrievalModel.load(tmp_path)
    histories, times, now_us = [["v01", "v02"], ["v01", "v02"], ["v01", "v02"]], [[1, 2]] * 3, np.full(3, 9)
    served = model.user_vectors(histories, times, now_us, asked("a", "b", "of another world"))
    assert np.abs(served[0] - served[1]).max() > 1e-2
    tokens, counts, _ = (torch.from_numpy(part) for part in model.sequences.encode(histories, times, now_us))
    codes = torch.zeros(3, 3, len(VIEWER_CONTEXT), dtype=torch.int64)
    codes[0, 2], codes[1, 2] = 1, 2
    codes[:, :2] = 2  # of earlier moments: nothing of them is left
    with torch.no_grad():
        video_VD = network.eval().video_vectors()
        told = network.states(video_VD, TowerInputs(tokens, counts, None, codes))[:, 2].numpy()
    np.testing.assert_allclose(served, told, atol=1e-5)
    inputs = example(model.sequences, model.config, model.viewer_context).values()
    tokens, counts, seconds, codes = (torch.from_numpy(part) for part in inputs)
    with torch.no_grad():  # by position, as MLflow calls it
        heard = user_tower(network)(
            tokens[:1].repeat(2, 1), counts[:1].repeat(2), seconds, codes + torch.tensor([[1], [2]])
        )
    assert (heard[0] - heard[1]).abs().max() > 1e-2
    with pytest.raises(ValueError, match="age_group"):
        model.user_vectors(histories, times, now_us)


def test_without_content_a_video_is_its_id_and_a_new_one_is_nothing(tmp_path: Path) -> None:
    encoding = ContentEncoding.fit(content(), text_dimensions=4)
    config = replace(CONFIG, content=False)
    network = TwoTower(encoding.encode(content()), len(encoding.creators), len(encoding.languages), config)
    retrieval_model(network, SequenceEncoding(IDS, CONFIG.length), encoding).save(tmp_path / "two_tower")
    model = RetrievalModel.load(tmp_path / "two_tower")
    np.testing.assert_array_equal(model.item_vectors, network.id_embedding.weight.detach().numpy())
    assert not model.embed(content()).any()
    network.train()  # the id is all there is: it is never dropped
    np.testing.assert_array_equal(network.video_vectors().detach().numpy(), model.item_vectors)


def test_one_viewer_takes_less_than_two_milliseconds_on_one_core(tmp_path: Path) -> None:
    config = TowerConfig(dim=64, blocks=2, length=50)
    encoding = ContentEncoding.fit(content(), text_dimensions=4)
    network = TwoTower(encoding.encode(content()), len(encoding.creators), len(encoding.languages), config)
    retrieval_model(network, SequenceEncoding(IDS, 50), encoding).save(tmp_path)
    model = RetrievalModel.load(tmp_path)  # as it is served: a program from a file is another one
    history = [IDS[number % 30] for number in range(50)]
    best = 1.0
    for _ in range(60):
        started = time.perf_counter()
        vector(model, history)
        best = min(best, time.perf_counter() - started)
    assert best < 0.002 * slower()


def test_a_config_that_cannot_be_says_so() -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        TowerConfig(dim=10, heads=3)
    with pytest.raises(ValueError, match="none, history or query"):
        TowerConfig(time_bias="always")  # type: ignore[arg-type]


def test_dropout_drops_its_share_keeps_the_mean_and_rests_when_serving() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.3), torch.ones(257, 33)
    dropped = dropout(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(77 / 256, abs=0.01)
    assert dropped.max().item() == pytest.approx(256 / 179)
    assert not torch.equal(dropped, dropout(x))
    assert torch.equal(dropout.eval()(x), x)
