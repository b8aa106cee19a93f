"""The ranker's network: what its layers see, and that the artifact made of it answers as it does."""

import numpy as np
import torch

from models.encoding.ranker import RankerEncoding
from models.ranking.network import Ranker, logits_of, quantile_knots
from models.ranking.ranker import example
from models.ranking.served_network import ranker_model


def test_a_number_is_linear_between_its_quantiles_and_a_flag_is_itself() -> None:
    encoded = np.array([[0.0, -1.0], [1.0, -1.0], [2.0, 3.0], [4.0, 3.0]], dtype=np.float32)
    knots_FK = quantile_knots(encoded, bins=3)
    np.testing.assert_allclose(knots_FK, [[0.0, 1.0, 2.0, 4.0], [-1.0, -1.0, 3.0, 3.0]], atol=1e-6)
    network = Ranker(knots_FK, (2, 3), embedding=1).eval()
    torch.nn.init.zeros_(network.embeddings[0].weight)  # type: ignore[arg-type]
    seen: list[torch.Tensor] = []
    network.hidden.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    _, *others = (torch.from_numpy(part) for part in example(2, 2).values())
    others[:2] = (part[:, :1] for part in others[:2])  # one candidate each
    network(torch.tensor([[[3.0, 3.0]], [[0.5, -1.0]]]), *others)
    np.testing.assert_allclose(seen[0][:, :6].detach(), [[3, 3, 1, 1, 0.5, 0], [0.5, -1, 0.5, 0, 0, 0]], atol=1e-6)


def test_a_program_answers_as_the_network_that_it_was_made_of() -> None:
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    columns = {
        "duration_seconds": rng.uniform(60, 7200, 50).astype(np.float32),
        "creator_id": np.array([f"c{number % 5}" for number in range(50)], dtype=object),
        "video_id": np.array([f"v{number}" for number in range(50)], dtype=object),
    }
    encoding = RankerEncoding.fit(columns)
    inputs = encoding.encode(columns)
    network = Ranker(quantile_knots(inputs.dense), encoding.cardinalities).eval()
    torch.nn.init.normal_(network.position_bias.weight)
    model = ranker_model(network, encoding, (0.0, 1.0))
    np.testing.assert_allclose(model.logits(inputs)[0], logits_of(network, inputs), atol=1e-5)
    np.testing.assert_array_equal(model.position_bias, network.position_bias.weight.detach().numpy())
