"""Feature registration: each feature is declared once, beside the code that computes it.

Every module of this folder that computes features also declares them; `feature_repo/registry.py` collects them and
derives views, tables, services and the ranker's inputs.

    profile    attributes of a viewer or a video               profiles.py    one entry
    window     sums over the last days, by a batch job         windows.py     one entry, with its expression
    folded     state that each event updates                   fold.py        a field, and its rule in the same file
    context    attributes of a request                         inputs.py      an entry, and a column of the context
    cross      viewer x video, or of the request               crosses.py     one decorated function
    derived    arithmetic over stored features                 derived.py     one decorated function
    sequence   the latest watches, for attention               past.py
    rate       outcomes of past exposures by a key             rates.py       one entry
    world      one column per value of a world                 derived.py
    model      the output of another model                     derived.py

To add a feature, add it to its file; nothing else names it. The tables get its column with the next `marquee features`,
the ranker with the next `marquee release`; releases trained without it keep working.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args

from feature_repo.core.errors import MarqueeError
from feature_repo.schema import DEFAULTS, FLOAT, FLOATS, INT, INTS, PAGE_SERVICE, RANK_SERVICE, STRING, STRINGS

Kind = Literal["profile", "window", "folded", "context", "cross", "derived", "sequence", "rate", "world", "model"]
Entity = Literal["user", "video", "request", "user x video"]
Input = Literal["number", "category", "sequence"]
Tier = Literal["real time", "near real time", "daily"]
REAL_TIME: Tier = "real time"  # computed for the request
NEAR_REAL_TIME: Tier = "near real time"  # folded from events, seconds after each
DAILY: Tier = "daily"  # computed by a job

TIERS: Mapping[Kind, Tier] = {
    "profile": DAILY,
    "window": DAILY,
    "folded": NEAR_REAL_TIME,
    "context": REAL_TIME,
    "cross": REAL_TIME,
    "derived": REAL_TIME,
    "sequence": REAL_TIME,
    "rate": DAILY,  # as of the training of the release
    "world": REAL_TIME,
    "model": REAL_TIME,
}
_VIEWS: Mapping[Kind, str] = {"profile": "profile", "window": "windows", "folded": "activity"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    STRING: (str,),
    STRINGS: (list,),
    INT: (int,),
    INTS: (list,),
    FLOAT: (int, float),
    FLOATS: (list,),
}

Computation = TypeVar("Computation", bound=Callable[..., Any])


class RegistrationError(MarqueeError):
    """A feature that is registered incompletely or twice, or an unknown kind or view."""


@dataclass(frozen=True)
class Feature:
    """The declaration of a feature.

    `default`: the value for an entity without a stored one; None: the default of the dtype. `ranker`: how the ranker
    reads it; None for features that only the page or other features read. `computed_by`: module:function.
    `at_request`: the module:function, if any, that brings a stored value up to the time of a request before a model
    reads it. `per_request`: a feature of a video that depends on the request as well, such as on its time; the others
    are encoded once per video.
    """

    name: str
    kind: Kind
    entity: Entity
    dtype: str
    description: str
    unit: str
    owner: str
    computed_by: str
    default: Any = None
    ranker: Input | None = None
    services: tuple[str, ...] = (RANK_SERVICE, PAGE_SERVICE)
    at_request: str = ""
    per_request: bool = False

    def __post_init__(self) -> None:
        for word in ("name", "description", "unit", "owner", "computed_by"):
            if not getattr(self, word).strip():
                raise RegistrationError(f"feature {self.name!r} is registered without {word}")
        if self.kind not in get_args(Kind) or self.dtype not in DEFAULTS:
            raise RegistrationError(
                f"feature {self.name!r} has kind {self.kind!r} and dtype {self.dtype!r}: expected one of "
                f"{', '.join(get_args(Kind))}, and one of {', '.join(DEFAULTS)}"
            )
        if self.default is None:
            object.__setattr__(self, "default", DEFAULTS[self.dtype])
        if not isinstance(self.default, _TYPES[self.dtype]) or isinstance(self.default, bool):
            raise RegistrationError(
                f"feature {self.name!r} is of dtype {self.dtype}, which its default {self.default!r} is not"
            )

    @property
    def tier(self) -> Tier:
        """How fresh it is."""
        return TIERS[self.kind]

    @property
    def view(self) -> str:
        """The feature table and online view that hold it; "" for features computed for each request."""
        return f"{self.entity}_{_VIEWS[self.kind]}" if self.kind in _VIEWS else ""

    @property
    def pattern(self) -> bool:
        """Whether it stands for one column per value of a world: "genre:*"."""
        return self.name.endswith("*")

    def fresh_default(self) -> Any:
        """The default; a list is copied for each caller."""
        return list(self.default) if isinstance(self.default, list) else self.default


@dataclass(frozen=True)
class Family:
    """The features of one kind that a module computes, a function each, in the order of their definition.

    CROSSES = Family("cross", "ranking")

    @CROSSES.feature("user x video", "share", "How much of ...")
    def genre_match(of: FeatureInputs) -> Array: ...
    """

    kind: Kind
    owner: str
    features: dict[str, Feature] = field(default_factory=dict)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def feature(
        self, entity: Entity, unit: str, description: str, dtype: str = FLOAT, per_request: bool = False
    ) -> Callable[[Computation], Computation]:
        """Register the decorated function as the computation of a ranker feature of the same name."""

        def register(computation: Computation) -> Computation:
            name = computation.__name__
            if name in self.functions:
                raise RegistrationError(f"feature {name!r} is registered twice in {computation.__module__}")
            self.features[name] = Feature(
                name=name,
                kind=self.kind,
                entity=entity,
                dtype=dtype,
                description=description,
                unit=unit,
                owner=self.owner,
                computed_by=where(computation),
                ranker="number",
                services=(RANK_SERVICE,),
                per_request=per_request,
            )
            self.functions[name] = computation
            return computation

        return register

    def at_request(self, computation: Computation) -> Computation:
        """Register the function that brings the stored feature of its name up to the time of a request."""
        self.functions[computation.__name__] = computation
        return computation


def where(computation: Callable[..., Any]) -> str:
    return f"{computation.__module__}:{computation.__name__}"


def as_read_at_request(feature: Feature, families: tuple[Family, ...]) -> Feature:
    """A stored feature, with the function that brings it up to the time of a request if a family has one."""
    for family in families:
        if feature.name in family.functions:
            return replace(feature, ranker="number", at_request=where(family.functions[feature.name]))
    return feature
