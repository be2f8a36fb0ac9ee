"""What this processor allows: how fast products and attention of MAMP's encoder run by themselves, on one thread.

    python -m benchmarks.roofline

From these follows what the frozen encoder takes at least for a body, beside what it takes. Processor time, medians.
"""

from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from benchmarks.clips import random_batch
from benchmarks.encode import our_encoder
from benchmarks.masked_step import WINDOW
from benchmarks.timing import medians
from kineme.nn.matmul import onednn, onednn_is_exact

TIMES = 5
"""How often each operation is repeated within a measurement."""


def repeated(operation: Callable[[], Tensor]) -> Callable[[], None]:
    """The operation, often enough to be timed."""

    def run() -> None:
        for _ in range(TIMES):
            operation()

    return run


def main() -> None:
    """Measure on one thread and print."""
    torch.set_num_threads(1)
    batch = random_batch(1, WINDOW)
    encoder = our_encoder(batch.layout)
    depth, heads, width, tokens = len(encoder.blocks), encoder.config.heads, encoder.width, encoder.num_tokens
    hidden = int(width * encoder.config.mlp_ratio)
    x, weight = torch.randn(tokens, width), torch.randn(hidden, width)
    query, key, value = torch.randn(3, 1, heads, tokens, width // heads)
    sequence = batch.xyz[0, :1]

    def product() -> Tensor:
        return F.linear(x, weight)

    def by_onednn() -> Tensor:
        with onednn():
            return product()

    def attention() -> Tensor:
        return F.scaled_dot_product_attention(query, key, value)

    products = (product, by_onednn) if onednn_is_exact() else (product,)
    with torch.inference_mode():
        *per_product, per_attention, per_body = (
            seconds / TIMES
            for seconds in medians(*map(repeated, (*products, attention, lambda: encoder.encode_all(sequence))))
        )
    linear, attended = 2.0 * tokens * width * hidden, 4.0 * tokens**2 * width
    # Queries, keys, values and the output are four squares of the width, the MLP two products with its hidden layer.
    all_linear = depth * 2.0 * tokens * (4 * width**2 + 2 * width * hidden)
    least = all_linear / linear * min(per_product) + depth * per_attention
    table = Table("what", "GFLOP", "GFLOP/s", "ms")
    for name, flops, seconds in (
        *zip(("a product, torch", "a product, oneDNN"), (linear, linear), per_product, strict=False),
        ("fused attention, one layer", attended, per_attention),
        ("one body, at least", all_linear + depth * attended, least),
        ("one body, frozen encoder", all_linear + depth * attended, per_body),
    ):
        table.add_row(name, f"{flops / 1e9:.2f}", f"{flops / seconds / 1e9:.0f}", f"{1e3 * seconds:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
