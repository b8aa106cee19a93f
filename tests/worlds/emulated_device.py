"""A device beside the processor, emulated on it: what is on the one and what is on the other do not mix.

Importing this registers the device with torch for the whole process, hence only a program of its own imports it.
Arithmetic is the processor's, in full precision; what a test learns here is that nothing is left on the wrong side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

MAY_CROSS = {"_to_copy", "copy_", "index", "index_put_", "_index_put_impl_"}  # as with CUDA: copies, places of an index
NUMBER = "_local_scalar_dense"  # Tensor.item()


class _Module:
    """What torch asks of a device's module."""

    def is_initialized(self) -> bool:
        return True

    is_available = is_initialized

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        """The processor draws, and is seeded beside it."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("emulated", _Module())
_AUTOCAST = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
_AUTOCAST.fallback(torch.library.fallthrough_kernel)
DEVICE = torch.device("emulated:0")


class Elsewhere(Tensor):
    """A tensor on the emulated device; `held` is where its numbers really are."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        tensor: Elsewhere = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=DEVICE,
        )  # fmt: skip
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, op: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return _run(op, args, kwargs or {})


class Emulation(TorchDispatchMode):
    """Within it, new tensors may be asked for on the device."""

    def __enter__(self) -> Emulation:
        # Tensors of this kind cannot be made in torch's own inference mode.
        self._inference_mode = torch.inference_mode
        torch.inference_mode = _no_gradients  # type: ignore[misc,assignment]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *failure: Any) -> None:
        torch.inference_mode = self._inference_mode  # type: ignore[misc]
        super().__exit__(*failure)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, op: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})


def _no_gradients(mode: bool = True) -> AbstractContextManager[Any]:
    return torch.no_grad() if mode is True else nullcontext()


def _run(op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    name = op.overloadpacket.__name__
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    elsewhere = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    here = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.dim()]
    first_is_here = not (tensors and isinstance(tensors[0], Elsewhere))
    if elsewhere and here and (name not in MAY_CROSS or (name == "index" and first_is_here)):
        raise RuntimeError(f"{op}: expected all tensors on one device, found {DEVICE} and cpu")
    if name == "_fused_sdp_choice" and elsewhere:
        return 0  # attention by its definition: the fused kernels are for devices of torch's own
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    found = op(*tree_map(_held, args), **tree_map(_held, kwargs))
    if name == NUMBER or (first_is_here if name == "copy_" else not _there(asked, bool(elsewhere))):
        return found
    known = {id(tensor.held): tensor for tensor in elsewhere}  # in place: the tensor that came is the one that goes
    return tree_map(_wrapped(known), found)


def _there(asked: Any, anything_elsewhere: bool) -> bool:
    return anything_elsewhere if asked is None else torch.device(asked).type == DEVICE.type


def _held(value: Any) -> Any:
    return value.held if isinstance(value, Elsewhere) else value


def _wrapped(known: Mapping[int, Elsewhere]) -> Callable[[Any], Any]:
    def wrapped(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return known[id(value)] if id(value) in known else Elsewhere(value)

    return wrapped
