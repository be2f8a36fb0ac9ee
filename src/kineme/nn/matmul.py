"""Linear layers that multiply with oneDNN on the CPU.

On AMD processors, the library that torch multiplies float32 matrices with leaves speed behind. oneDNN is part of torch
and does better, but the one setting that leads there also allows it to compute in bfloat16, which it does where the
processor has units for that. So it is asked for only where a trial has shown that results stay as exact as they were.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EXACT = 1e-6  # relative errors of float32 products are a few 1e-7, those of bfloat16 a few 1e-3
_TRIAL = (1024, 256, 768)  # rows, features in and out: a size that layers have


class Linear(nn.Linear):
    """`torch.nn.Linear` with a bias, in float32 on the CPU by oneDNN where that is exact.

    Args:
        in_features: D.
        out_features: D'.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)

    def forward(self, input: Tensor) -> Tensor:
        if not _by_onednn(input):
            return super().forward(input)
        if _in_one_step(input):
            return FUSED_LINEAR(input, self.weight, self.bias, "none", [], "")
        return _Product.apply(input, self.weight, self.bias)

    def gelu(self, input: Tensor) -> Tensor:
        """The layer and then an exact GELU, (..., D) to (..., D'); both in one step where nothing is to be learned."""
        if _by_onednn(input) and _in_one_step(input):
            return FUSED_LINEAR(input, self.weight, self.bias, "gelu", [], "none")
        return F.gelu(self(input))


FUSED_LINEAR: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""Product, bias and activation in one, what torch compiles linear layers to; None where torch is built without it."""


def _by_onednn(input: Tensor) -> bool:
    device = input.device.type
    plain = torch.compiler.is_compiling() or torch.is_autocast_enabled(device)
    return not plain and device == "cpu" and input.dtype == torch.float32 and onednn_is_exact()


def _in_one_step(input: Tensor) -> bool:
    """Whether bias and activation can be part of the product, which knows no gradients."""
    return FUSED_LINEAR is not None and not torch.is_grad_enabled() and input.ndim > 1 and input.numel() > 0


class _Product(torch.autograd.Function):
    """A linear layer whose products run in oneDNN both ways.

    The setting is on for each product alone, because fused attention becomes slower with it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        with onednn():
            return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        with onednn():
            of_x = gradient @ weight if ctx.needs_input_grad[0] else None
            of_weight = rows.T @ x.reshape(-1, x.shape[-1]) if ctx.needs_input_grad[1] else None
        return of_x, of_weight, rows.sum(dim=0)


@contextmanager
def onednn() -> Iterator[None]:
    """Float32 products on the CPU by oneDNN while it lasts; only for where `onednn_is_exact`."""
    setting = _setting()
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before


@cache
def onednn_is_exact() -> bool:
    """Whether oneDNN's products have the precision of float32 on this processor; tried once per process."""
    if _setting() is None:
        return False
    rows, features, out = _TRIAL
    generator = torch.Generator().manual_seed(0)
    sizes = ((rows, features), (out, features), (rows, out))
    x, weight, gradient = (torch.randn(n, generator=generator, dtype=torch.float32, device="cpu") for n in sizes)
    products = ((x, weight.T), (gradient, weight), (gradient.T, x))
    return all(_relative_error(a, b) < _EXACT for a, b in products)


@torch.no_grad()
def _relative_error(a: Tensor, b: Tensor) -> float:
    exact = a.double() @ b.double()
    with onednn():
        ours = a @ b
    return ((ours - exact).norm() / exact.norm()).item()


def _setting() -> Any:
    """What torch multiplies with on the CPU; None where torch is too old to be told."""
    return getattr(torch.backends.mkldnn, "matmul", None)
