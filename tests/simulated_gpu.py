"""A GPU without a GPU: tensors that compute on the CPU, say they lie elsewhere, and are as particular as a GPU's.

    with SimulatedGPU():
        model.to(GPU)(images.to(GPU))

PyTorch's "meta" device lends its name. An operation fails where it would on the device: when it gets tensors of both
places (`Mixed`), or a type of numbers that the device's kernel does not take (`Lacking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("meta")
CPU = torch.device("cpu")

INTEGERS = frozenset({torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool})
BEYOND_BYTES = INTEGERS - {torch.uint8}
DOUBLE = frozenset({torch.float64})

# What CPUs take and CUDA's kernels do not: operation → types. From PyTorch 2.13's sources, aten/src/ATen/native/cuda.
CUDA: dict[str, frozenset[torch.dtype]] = {
    "_upsample_bilinear2d_aa": INTEGERS,  # UpSampleBilinear2d.cu: floating types
    "_upsample_bicubic2d_aa": INTEGERS,  # the same file
    "upsample_bilinear2d": INTEGERS,  # the same file
    "upsample_bicubic2d": INTEGERS,  # UpSampleBicubic2d.cu: floating types
    "upsample_nearest2d": BEYOND_BYTES,  # UpSampleNearest2d.cu: floating types and uint8
    "_upsample_nearest_exact2d": BEYOND_BYTES,  # the same file
    "convolution": INTEGERS,  # cuDNN's types
    "mm": INTEGERS,  # Blas.cpp: floating and complex types
    "bmm": INTEGERS,
    "addmm": INTEGERS,
    "baddbmm": INTEGERS,
    "avg_pool2d": INTEGERS,  # AveragePool2d.cu: floating types
    "_adaptive_avg_pool2d": INTEGERS,
    "grid_sampler_2d": INTEGERS,  # GridSampler.cu: floating types
}
# Apple's GPUs know no float64 at all.
MPS: dict[str, frozenset[torch.dtype]] = {"": DOUBLE}

ACROSS = {"copy_", "_to_copy", "to", "_local_scalar_dense", "set_"}  # may have tensors of both places
INDICES = {"index", "index_put_", "index_put", "_unsafe_index"}  # take their indices from either


class Mixed(RuntimeError):
    """An operation got tensors of the CPU and of the GPU."""


class Lacking(RuntimeError):
    """An operation got a type of numbers that it does not take on the GPU."""


class OnGPU(Tensor):
    """A tensor on the simulated GPU; `inner` lies on the CPU and holds the numbers."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnGPU:
        return torch.Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=GPU,
        )

    def __init__(self, inner: Tensor) -> None:
        assert inner.device == CPU, inner.device
        self.inner = inner

    def __reduce_ex__(self, protocol: Any) -> Any:  # in files it is like any other
        return self.inner.__reduce_ex__(protocol)

    def __repr__(self, **_: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"OnGPU({self.inner!r})"

    def __format__(self, spec: str) -> str:
        return format(self.inner, spec)

    def tolist(self) -> Any:
        return self.inner.tolist()

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        return OnGPU(torch.tensor(data, dtype=dtype or self.dtype))

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError("a tensor of the simulated GPU was used outside `SimulatedGPU`")


class SimulatedGPU(TorchDispatchMode):
    """While it lasts there is a device `GPU`. lacks: operation → types that it does not take; "" is every one."""

    def __init__(self, lacks: dict[str, frozenset[torch.dtype]] = CUDA) -> None:
        super().__init__()
        self.lacks = lacks
        self.used: set[str] = set()  # the operations that ran on the GPU, as `aten::add.Tensor`

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and the guard against it takes longer than most operations

    def __enter__(self) -> SimulatedGPU:
        make = torch.tensor

        def tensor(data: Any, *, device: Any = None, **kwargs: Any) -> Tensor:
            return make(data, **kwargs).to(device)

        self.patched = mock.patch("torch.tensor", tensor)
        self.patched.start()
        torch.__future__.set_swap_module_params_on_conversion(True)  # a module that moves keeps its parameters
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.__future__.set_swap_module_params_on_conversion(False)
        self.patched.stop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        flat = [*parts(args), *parts(kwargs.values())]
        tensors = [x for x in flat if isinstance(x, Tensor)]
        target = next((x for x in flat if isinstance(x, torch.device)), None)
        here = any(isinstance(x, OnGPU) for x in tensors)
        stays = here if target is None else target == GPU
        if name not in ACROSS and here:
            self.check_places(name, args, tensors)
        if stays:
            self.used.add(func.name())
            self.check_types(name, [x.dtype for x in tensors] + [x for x in flat if isinstance(x, torch.dtype)])
            if isinstance(kwargs.get("generator"), torch.Generator):
                raise Mixed(f"{name}: a generator of the CPU for numbers on the GPU")
        if not here and not stays:
            return func(*args, **kwargs)
        out = func(*(inner(x) for x in args), **{key: inner(x) for key, x in kwargs.items()})
        if name == "copy_":
            return args[0]
        if not stays:
            return out
        known = {id(x.inner): x for x in tensors if isinstance(x, OnGPU)}  # in-place operations return what they got
        # A view belongs to inference mode if what it views does; everything else, if it is made there.
        inference = torch.is_inference_mode_enabled()
        if func.is_view and isinstance(args[0], Tensor):
            inference = args[0].is_inference()
        with torch.inference_mode(inference):
            return wrapped(out, known)

    def check_places(self, name: str, args: Any, tensors: list[Tensor]) -> None:
        if name in INDICES and isinstance(args[0], OnGPU):
            tensors = [x for x in tensors if all(x is not index for index in args[1])]
        for x in tensors:
            if not isinstance(x, OnGPU) and x.dim() > 0:
                raise Mixed(f"{name}: a CPU tensor of shape {tuple(x.shape)} meets tensors of the GPU")

    def check_types(self, name: str, types: list[torch.dtype]) -> None:
        refused = self.lacks.get(name, frozenset()) | self.lacks.get("", frozenset())
        for dtype in types:
            if dtype in refused:
                raise Lacking(f"{name} does not take {dtype} on the GPU")


def parts(values: Iterable[Any]) -> Iterator[Any]:
    """The arguments, and what is in lists of them. PyTorch's own trees are several times as slow."""
    for x in values:
        if isinstance(x, list | tuple):
            yield from parts(x)
        else:
            yield x


def inner(x: Any) -> Any:
    """What an argument is on the CPU."""
    if isinstance(x, OnGPU):
        return x.inner
    if isinstance(x, list | tuple):
        return type(x)(inner(each) for each in x)
    return CPU if isinstance(x, torch.device) else x


def wrapped(x: Any, known: dict[int, OnGPU]) -> Any:
    """What an operation returns, on the GPU."""
    if isinstance(x, Tensor):
        return known[id(x)] if id(x) in known else OnGPU(x)
    return type(x)(wrapped(each, known) for each in x) if isinstance(x, list | tuple) else x


class Autocast(torch.autocast):
    """PyTorch's, which does not know that the GPU is simulated."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == GPU.type else device_type, *args, **kwargs)


@contextmanager
def on_a_gpu(lacks: dict[str, frozenset[torch.dtype]] = CUDA) -> Iterator[torch.device]:
    """The simulated GPU is there, and is what `best_device` and a run choose."""
    from accelerate import Accelerator

    def accelerator_for(device: str) -> Accelerator:
        place[0] = CPU if device == "cpu" else GPU
        return Accelerator(cpu=True)

    place = [GPU]
    with (
        mock.patch.object(Accelerator, "device", property(lambda self: place[0])),
        mock.patch("segnext_edu.training.trainer.accelerator_for", accelerator_for),
        mock.patch("segnext_edu.machine.best_device", lambda: GPU),
        mock.patch("torch.autocast", Autocast),
        SimulatedGPU(lacks),
    ):
        yield GPU
