"""The two-tower retrieval model: a causal transformer over what a viewer watched, against one vector per video.

B viewers, T tokens (a start token, then the history, oldest first; padded at the end), V videos, D dimensions,
F content numbers, C categories of who asks.

    video vector = id embedding + content projection     (the id is dropped at random, so that content alone works)
    user vector  = last state of SASRec (Kang & McAuley 2018), pre-norm, over the video vectors; score = dot product

Positions count from the end of the longest history there can be: the newest watch always stands at the same position.
The start token is in every row; alone, it is the vector of a viewer of whom nothing is known. With `time_bias`,
attention also sees how long ago each watch was (HSTU, Zhai et al. 2024, the temporal half of its relative bias):
"history" counts from the newest watch, "query" from the moment for which the next watch is asked. With `asker`, the
last state also hears who asks and where: profile and context of the moment for which the next watch is asked.

`TwoTower` is the network, trainable; `RetrievalModel` is the trained artifact.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from feature_repo.compute.columns import Columns
from models.encoding.ranker import EncodingError
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import VIEWER_CONTEXT, ViewerContextEncoding
from models.program import called, exported
from models.retrieval.content import ContentEncoding, ContentFeatures

Array = np.ndarray[Any, Any]
TimeBias = Literal["none", "history", "query"]
AGES = 32  # buckets of how long ago something was: powers of two, in seconds
ALONE_FILE = "content_alone.json"
UNTOLD = 0.1  # of each category in training, and of all together: a request that says less is understood as well


@dataclass(frozen=True)
class TowerConfig:
    dim: int = 64
    blocks: int = 2
    heads: int = 1
    length: int = 50  # watches looked at
    dropout: float = 0.1
    id_dropout: float = 0.1
    creator_dim: int = 16
    content: bool = True  # False: a video is its id alone, and a new one is nothing
    time_bias: TimeBias = "none"
    asker: bool = False

    def __post_init__(self) -> None:
        if self.time_bias not in ("none", "history", "query"):
            raise ValueError(f"time_bias: expected none, history or query, found {self.time_bias!r}")
        if self.dim % self.heads:
            raise ValueError(f"dim: expected a multiple of heads ({self.heads}), found {self.dim}")
        if not 0 <= self.id_dropout < 1 or not 0 <= self.dropout < 1:
            raise ValueError("dropout and id_dropout: expected at least 0 and below 1")
        if min(self.dim, self.blocks, self.length) < 1:
            raise ValueError("dim, blocks and length: expected at least 1")


class Dropout(nn.Module):
    """Dropout whose mask on a CPU is made of random bytes: torch's own takes a seventh of the time of training there.

    The probability is rounded to a 256th.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(256 * p)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.dropped:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.dropped / 256)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept * (256 / (256 - self.dropped))).to(x.dtype)


class ContentTower(nn.Module):
    """Content -> vector. What a new video has."""

    def __init__(self, numbers: int, creators: int, languages: int, config: TowerConfig) -> None:
        super().__init__()
        self.creator = nn.Embedding(creators + 1, config.creator_dim)
        self.language = nn.Embedding(languages + 1, 4)
        self.hidden = nn.Linear(numbers + config.creator_dim + 4, 2 * config.dim)
        self.out = nn.Linear(2 * config.dim, config.dim)
        for table in (self.creator, self.language):
            nn.init.normal_(table.weight, std=0.1)
            nn.init.zeros_(table.weight[0].detach())  # not known: says nothing until trained
        nn.init.normal_(self.out.weight, std=0.02 / config.dim**0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, numbers_NF: Tensor, creator_N: Tensor, language_N: Tensor) -> Tensor:
        joined = torch.cat([numbers_NF, self.creator(creator_N), self.language(language_N)], dim=1)
        vector_ND: Tensor = self.out(functional.gelu(self.hidden(joined)))
        return vector_ND


class Block(nn.Module):
    """Pre-norm attention and feed-forward. Causal, with padding at the end: no real token ever sees a pad."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.mix = nn.Linear(config.dim, config.dim)
        self.forward_norm = nn.LayerNorm(config.dim)
        self.wide = nn.Linear(config.dim, 4 * config.dim)
        self.narrow = nn.Linear(4 * config.dim, config.dim)
        self.dropout = Dropout(config.dropout)
        self.age = nn.Embedding(AGES, config.heads) if config.time_bias != "none" else None
        if self.age is not None:
            nn.init.zeros_(self.age.weight)

    def forward(self, x_BTD: Tensor, age_BTT: Tensor | None) -> Tensor:
        """A state for every token; `age_BTT`: bucket of how long before row t column t was."""
        q, k, v = (self._heads(part) for part in self.qkv(self.attention_norm(x_BTD)).chunk(3, dim=-1))
        if self.age is None or age_BTT is None:
            mixed_BHTE = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            bias_BHTT = self.age(age_BTT).movedim(-1, 1)
            tokens = x_BTD.shape[1]
            future_TT = torch.ones(tokens, tokens, dtype=torch.bool, device=x_BTD.device).triu(1)
            bias_BHTT = bias_BHTT.masked_fill(future_TT, float("-inf")).to(q.dtype)
            mixed_BHTE = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias_BHTT)
        return self._after(x_BTD, mixed_BHTE)

    def last(self, x_BTD: Tensor, count_B: Tensor, age_BTT: Tensor | None) -> Tensor:
        """(B, 1, D): what `forward` gives for the last real token, without computing the others."""
        last_B11 = (count_B - 1)[:, None, None]
        normed_BTD = self.attention_norm(x_BTD)
        at_B1D = last_B11.expand(-1, 1, x_BTD.shape[2])
        own_B1D, own_normed_B1D = x_BTD.gather(1, at_B1D), normed_BTD.gather(1, at_B1D)
        query, key_value = self.qkv.weight.tensor_split([x_BTD.shape[2]])
        query_bias, key_value_bias = self.qkv.bias.tensor_split([x_BTD.shape[2]])
        q = self._heads(functional.linear(own_normed_B1D, query, query_bias))
        k, v = (self._heads(part) for part in functional.linear(normed_BTD, key_value, key_value_bias).chunk(2, dim=-1))
        pad_B11T = (torch.arange(x_BTD.shape[1], device=x_BTD.device) > last_B11)[:, None]
        bias_BH1T = torch.zeros_like(pad_B11T, dtype=q.dtype)
        if self.age is not None and age_BTT is not None:
            age_B1T = age_BTT.gather(1, last_B11.expand(-1, 1, x_BTD.shape[1]))
            bias_BH1T = self.age(age_B1T).movedim(-1, 1).to(q.dtype)
        mask_BH1T = bias_BH1T.masked_fill(pad_B11T, float("-inf"))
        return self._after(own_B1D, functional.scaled_dot_product_attention(q, k, v, attn_mask=mask_BH1T))

    def _heads(self, x_BTD: Tensor) -> Tensor:
        x_BTHE: Tensor = x_BTD.unflatten(-1, (self.heads, -1))  # type: ignore[no-untyped-call]
        return x_BTHE.transpose(1, 2)

    def _after(self, x_BTD: Tensor, mixed_BHTE: Tensor) -> Tensor:
        x_BTD = x_BTD + self.dropout(self.mix(mixed_BHTE.transpose(1, 2).flatten(-2)))
        hidden = functional.gelu(self.wide(self.forward_norm(x_BTD)))
        out_BTD: Tensor = x_BTD + self.dropout(self.narrow(hidden))
        return out_BTD


class Asker(nn.Module):
    """Codes of who asks and where -> what the state is told: (..., C) -> (..., D). Code 0, not known, says nothing.

    A sum, not a layer that hears both: that found more in fifty and less in the first ten (three simulated seeds).
    """

    before_C: Tensor

    def __init__(self, cardinalities: Sequence[int], dim: int) -> None:
        super().__init__()
        *ends, rows = np.cumsum([0, *(size - 1 for size in cardinalities)]).tolist()
        self.register_buffer("before_C", torch.tensor(ends), persistent=False)
        self.table = nn.Embedding(1 + rows, dim, padding_idx=0)  # of all categories, one after the other
        nn.init.zeros_(self.table.weight)  # begins as if nobody had said anything

    def forward(self, code_BTC: Tensor) -> Tensor:
        if self.training:
            told_BTC = torch.rand(code_BTC.shape, device=code_BTC.device) >= UNTOLD
            told_BTC &= torch.rand(*code_BTC.shape[:-1], 1, device=code_BTC.device) >= UNTOLD
            code_BTC = code_BTC * told_BTC
        said_BTD: Tensor = self.table(torch.where(code_BTC > 0, code_BTC + self.before_C, 0)).sum(dim=-2)
        return said_BTD


class TowerInputs(NamedTuple):
    """What is asked of the user tower."""

    token_BT: Tensor  # int64; token V is the start token
    count_B: Tensor  # so many tokens of each row are real
    time_BT: Tensor | None = None  # (B, T + 1) float64 seconds: of each token, and last of the moment that asks
    asker: Tensor | None = None  # int64: (B, T, C) who makes the watch after each token; for the last state (B, C)

    def to(self, device: torch.device) -> TowerInputs:
        time_BT, asker = (part if part is None else part.to(device) for part in self[2:])
        return TowerInputs(self.token_BT.to(device), self.count_B.to(device), time_BT, asker)


class SequenceTower(nn.Module):
    """Vectors of tokens -> a state after each token."""

    def __init__(self, config: TowerConfig, askers: Sequence[int] = ()) -> None:
        super().__init__()
        self.length = config.length
        self.scale = config.dim**0.5
        self.time_bias = config.time_bias
        self.position = nn.Embedding(config.length + 1, config.dim)  # 0: the start token
        self.start = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.dim)
        self.asker = Asker(askers, config.dim) if config.asker else None
        nn.init.normal_(self.position.weight, std=0.02)

    def table(self, video_VD: Tensor) -> Tensor:
        """(V + 1, D): what each token stands for."""
        return torch.cat([video_VD, self.start[None]])

    def forward(self, table_WD: Tensor, inputs: TowerInputs) -> Tensor:
        """(B, T, D). `table_WD` as `table` makes it."""
        x_BTD, age_BTT = self._embed(table_WD, inputs.token_BT, inputs.count_B), self._ages(inputs.time_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, age_BTT)
        return self._told(x_BTD, inputs.asker)

    def last(self, table_WD: Tensor, inputs: TowerInputs) -> Tensor:
        """(B, D): the state after the last real token. Of the last block, only that token is computed."""
        x_BTD, age_BTT = self._embed(table_WD, inputs.token_BT, inputs.count_B), self._ages(inputs.time_BT)
        *whole, final = self.blocks
        for block in whole:
            x_BTD = block(x_BTD, age_BTT)
        x_B1D = final.last(x_BTD, inputs.count_B, age_BTT)  # type: ignore[operator]
        return self._told(x_B1D, None if inputs.asker is None else inputs.asker[:, None])[:, 0]

    def _told(self, x_BTD: Tensor, asker_BTC: Tensor | None) -> Tensor:
        if self.asker is not None and asker_BTC is not None:
            x_BTD = x_BTD + self.asker(asker_BTC)
        state_BTD: Tensor = self.norm(x_BTD)
        return state_BTD

    def _ages(self, time_BT: Tensor | None) -> Tensor | None:
        """(B, T, T) buckets of how long before each row's moment each column's watch was: powers of two of seconds."""
        if self.time_bias == "none" or time_BT is None:
            return None
        asks_BT = time_BT[:, 1:] if self.time_bias == "query" else time_BT[:, :-1]
        seconds_BTT = (asks_BT[:, :, None] - time_BT[:, None, :-1]).float()
        return torch.log2(seconds_BTT.clamp(min=0.5) * 2.0).long().clamp(max=AGES - 1)

    def _embed(self, table_WD: Tensor, token_BT: Tensor, count_B: Tensor) -> Tensor:
        step_T = torch.arange(token_BT.shape[1], device=token_BT.device)
        from_end_BT = (self.length + 1 - count_B[:, None] + step_T).clamp(0, self.length)
        position_BT = torch.where(step_T == 0, 0, from_end_BT)
        x_BTD: Tensor = self.dropout(functional.embedding(token_BT, table_WD) * self.scale + self.position(position_BT))
        return x_BTD


class TwoTower(nn.Module):
    """Both towers; `content` are the V videos of training."""

    numbers_VF: Tensor
    creator_V: Tensor
    language_V: Tensor

    def __init__(
        self,
        content: ContentFeatures,
        creators: int,
        languages: int,
        config: TowerConfig,
        askers: Sequence[int] = (),
    ) -> None:
        """`askers`: how many codes each category of who asks has."""
        super().__init__()
        videos, numbers = content.numbers_NF.shape
        self.config = config
        self.id_embedding = nn.Embedding(videos, config.dim)
        nn.init.normal_(self.id_embedding.weight, std=0.02)
        self.content = ContentTower(numbers, creators, languages, config)
        self.sequence = SequenceTower(config, askers)
        self.register_buffer("numbers_VF", torch.from_numpy(content.numbers_NF), persistent=False)
        self.register_buffer("creator_V", torch.from_numpy(content.creator_N), persistent=False)
        self.register_buffer("language_V", torch.from_numpy(content.language_N), persistent=False)

    def video_vectors(self, rows: Tensor | None = None) -> Tensor:
        """(V, D), or only some rows; in training each video loses its id with probability id_dropout."""
        at = slice(None) if rows is None else rows
        id_VD = self.id_embedding.weight[at]
        if self.training and self.config.id_dropout and self.config.content:
            kept_V = torch.rand(len(id_VD), 1, device=id_VD.device) >= self.config.id_dropout
            id_VD = id_VD * kept_V
        if not self.config.content:
            return id_VD
        content_VD: Tensor = self.content(self.numbers_VF[at], self.creator_V[at], self.language_V[at])
        return id_VD + content_VD

    def states(self, video_VD: Tensor, inputs: TowerInputs) -> Tensor:
        state_BTD: Tensor = self.sequence(self.sequence.table(video_VD), inputs)
        return state_BTD


class UserTower(nn.Module):
    """What serving runs: the sequence tower over frozen video vectors, the state after the last real token."""

    table_WD: Tensor

    def __init__(self, sequence: SequenceTower, video_VD: Tensor) -> None:
        super().__init__()
        self.sequence = sequence
        # Made here and not at each call: millions of videos are no small copy.
        self.register_buffer("table_WD", sequence.table(video_VD).detach())

    @property
    def video_VD(self) -> Tensor:
        return self.table_WD[:-1]

    def forward(
        self, tokens: Tensor, counts: Tensor, times: Tensor | None = None, asker: Tensor | None = None
    ) -> Tensor:
        """Tokens (B, T) int64, real counts (B,) int64 -> (B, D). With a time bias also seconds (B, T + 1) float64, with
        `asker` also codes (B, C) int64 of who asks."""
        return self.sequence.last(self.table_WD, TowerInputs(tokens, counts, times, asker))


@dataclass(frozen=True)
class ContentAlone:
    """How loudly content speaks for a video that training has no vector of.

    Of a new video content is all there is to know; but content unlike any in training can become any vector, hence it
    is never longer than `loudest` (0 = no limit). A video published before `before_us` is not new: it was there to be
    watched and was left lying, so what videos like it usually earn promises too much, and its vector is made `scale`
    times as long. training/fit/cold_start.py chooses.
    """

    loudest: float = 0.0
    scale: float = 1.0
    before_us: int = 0

    def of(self, content_ND: Array, published_us_N: Array) -> Array:
        """(N, D) float32."""
        length_N1 = np.linalg.norm(content_ND, axis=1, keepdims=True)
        kept_N1 = np.minimum(1.0, self.loudest / np.maximum(length_N1, 1e-9)) if self.loudest else 1.0
        scale_N1 = np.where(published_us_N < self.before_us, self.scale, 1.0)[:, None]
        vectors: Array = (content_ND * kept_N1 * scale_N1).astype(np.float32)
        return vectors


@dataclass(frozen=True)
class RetrievalModel:
    """A trained two-tower model: user tower as a program, video vectors, and the content tower for new videos."""

    program: torch.export.ExportedProgram
    sequences: SequenceEncoding
    item_vectors: Array  # (V, D) float32, rows as in video_ids
    content: ContentEncoding
    content_weights: dict[str, Array]
    config: TowerConfig
    asker: ViewerContextEncoding | None = None  # None: the user tower knows the watches alone
    alone: ContentAlone = ContentAlone()

    def __post_init__(self) -> None:
        tower = ContentTower(self.content.numbers, len(self.content.creators), len(self.content.languages), self.config)
        tower.load_state_dict({name: torch.from_numpy(value) for name, value in self.content_weights.items()})
        object.__setattr__(self, "_content_tower", tower.eval())
        object.__setattr__(self, "_user_tower", called(self.program))

    @classmethod
    def export(
        cls,
        network: TwoTower,
        sequences: SequenceEncoding,
        content: ContentEncoding,
        asker: ViewerContextEncoding | None = None,
    ) -> RetrievalModel:
        """Freeze a trained network; batch and history length stay free."""
        tower = user_tower(network)
        batch = torch.export.Dim("batch", min=1, max=65_536)
        tokens = torch.export.Dim("tokens", min=1, max=network.config.length + 1)
        inputs = example(sequences, network.config, asker)
        free = ({0: batch, 1: tokens}, {0: batch}, {0: batch, 1: tokens + 1}, {0: batch})[: len(inputs)]
        return cls(
            program=exported(tower, tuple(inputs.values()), free),
            sequences=sequences,
            item_vectors=tower.video_VD.numpy().copy(),
            content=content,
            content_weights={name: value.numpy().copy() for name, value in network.content.state_dict().items()},
            config=network.config,
            asker=asker,
        )

    @property
    def video_ids(self) -> list[str]:
        return list(self.sequences.video_ids)

    @property
    def dim(self) -> int:
        return self.config.dim

    def user_vectors(
        self,
        histories: Sequence[Sequence[str]],
        timestamps_us: Sequence[Sequence[int]],
        now_us: Array,
        asker: Columns | None = None,
    ) -> Array:
        """As protocol.UserTower says."""
        if self.asker is not None and asker is None:
            raise ValueError(f"this model asks who asks: expected columns {', '.join(VIEWER_CONTEXT)}")
        token_BT, count_B, time_BT = self.sequences.encode(histories, timestamps_us, now_us)
        if not len(count_B):
            return np.zeros((0, self.dim), dtype=np.float32)
        inputs = [token_BT, count_B, time_BT]
        if self.asker is not None and asker is not None:
            inputs.append(self.asker.encode(asker))
        elif self.config.time_bias == "none":
            del inputs[2]
        with torch.inference_mode():
            vectors: Array = self._user_tower(*(torch.from_numpy(part) for part in inputs)).numpy()  # type: ignore[attr-defined]
        return vectors

    def embed(self, videos: Columns) -> Array:
        """(N, D) float32 from content alone: videos published after training. Columns as ContentEncoding.encode.

        All zeros where the model was trained without content: it knows nothing of new videos.
        """
        features = self.content.encode(videos)
        if not self.config.content:
            return np.zeros((len(features.numbers_NF), self.dim), dtype=np.float32)
        with torch.inference_mode():
            vectors: Array = self._content_tower(  # type: ignore[attr-defined]
                torch.from_numpy(features.numbers_NF),
                torch.from_numpy(features.creator_N),
                torch.from_numpy(features.language_N),
            ).numpy()
        return vectors

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(self.program, directory / "user_tower.pt2")
        save_file({"item_vectors": self.item_vectors}, directory / "video_vectors.safetensors")
        save_file(self.content_weights, directory / "content_tower.safetensors")
        self.content.save(directory)
        (directory / "video_ids.json").write_text(json.dumps(self.sequences.video_ids) + "\n")
        (directory / "config.json").write_text(json.dumps(asdict(self.config), indent=1) + "\n")
        (directory / ALONE_FILE).write_text(json.dumps(asdict(self.alone)) + "\n")
        if self.asker is not None:
            self.asker.save(directory)

    @classmethod
    def load(cls, directory: Path) -> RetrievalModel:
        config = TowerConfig(**json.loads((directory / "config.json").read_text()))
        video_ids = tuple(json.loads((directory / "video_ids.json").read_text()))
        alone = directory / ALONE_FILE  # not there in a release of an older Marquee
        model = cls(
            program=torch.export.load(directory / "user_tower.pt2"),
            sequences=SequenceEncoding(video_ids, config.length),
            item_vectors=load_file(directory / "video_vectors.safetensors")["item_vectors"],
            content=ContentEncoding.load(directory),
            content_weights=load_file(directory / "content_tower.safetensors"),
            config=config,
            asker=ViewerContextEncoding.load(directory) if config.asker else None,
            alone=ContentAlone(**json.loads(alone.read_text())) if alone.exists() else ContentAlone(),
        )
        try:
            model.program.module()(*example(model.sequences, config, model.asker).values())
        except (RuntimeError, TypeError, ValueError) as error:
            raise EncodingError(
                f"{directory}: the user tower of another Marquee: train again (marquee train)"
            ) from error
        return model


def user_tower(network: TwoTower) -> UserTower:
    """The trained network's serving half."""
    network.eval()
    with torch.no_grad():
        return UserTower(network.sequence, network.video_vectors()).eval()


def example(
    sequences: SequenceEncoding, config: TowerConfig, asker: ViewerContextEncoding | None = None
) -> dict[str, Tensor]:
    """Inputs of the user tower with two rows and some history: what torch.export and MLflow trace."""
    some = list(range(min(sequences.start, 3, sequences.length)))
    token_BT, count_B = sequences.pad([some, some[:1]])
    inputs = {"tokens": torch.from_numpy(token_BT), "counts": torch.from_numpy(count_B)}
    if config.time_bias != "none" or asker is not None:  # by position: times come before who asks, heeded or not
        inputs["times"] = torch.arange(token_BT.shape[1] + 1.0, dtype=torch.float64).repeat(2, 1)
    if asker is not None:
        inputs["asker"] = torch.zeros(2, len(asker.cardinalities), dtype=torch.int64)
    return inputs
