"""Figures without noise, which a change must not make worse: operations, memory, size, clips encoded.

No checkout is needed, and every run gives the same figures on the same kind of processor. Bounds are those that were
promised where there are any, otherwise about a twentieth above what was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import masked_step, stgcn_step, store
from benchmarks.clips import random_batch
from benchmarks.encode import our_encoder
from benchmarks.probe import RECIPE, untrained_probe
from benchmarks.steps import Side, saved_bytes
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.encoders.stgcn import STGCNConfig
from kineme.nn.matmul import onednn_is_exact
from kineme.recipes.base import recipe_config
from kineme.train.compute import FlopCounter

FEW, MIX = 2, 11
"""Clips that steps are counted on, and clips that show two persons as often as those of NTU RGB+D."""


@dataclass(frozen=True)
class Gate:
    """A figure and its bound.

    Args:
        what: it is.
        measure: gives it.
        bound: it must not be more.
        unit: of both.
    """

    what: str
    measure: Callable[[], float]
    bound: float
    unit: str


class OpCounter(TorchDispatchMode):
    """Counts the operations that torch is asked for while it lasts, without views.

    Attributes:
        ops: so far.
    """

    ops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.ops += not func.is_view
        return func(*args, **(kwargs or {}))


def masked_side(num_clips: int = FEW, bodies: str = "all") -> Side:
    """A step of MAMP."""
    return masked_step.our_side(random_batch(num_clips, masked_step.WINDOW), bodies=bodies)


def stgcn_side(num_clips: int = FEW) -> Side:
    """A step of ST-GCN."""
    batch = random_batch(num_clips, stgcn_step.WINDOW)
    return stgcn_step.side(stgcn_step.Ours(batch, STGCNConfig().dropout), batch.label)


def gigaflops(compute: Callable[[], object], num_clips: int) -> float:
    """Of forward and backward pass, per clip, as `FlopCounter` has it."""
    onednn_is_exact()  # its trial, once per process, is not to be counted
    with FlopCounter() as counter:
        compute()
    return counter.flops / num_clips / 1e9


def step_gigaflops(side: Side) -> float:
    """Of a step, per clip."""
    return gigaflops(lambda: side.loss().backward(), FEW)


def encode_gigaflops() -> float:
    """Of a frozen MAMP encoder, per clip of any batch but the first."""
    batch = random_batch(MIX, masked_step.WINDOW)
    encoder = our_encoder(batch.layout)
    with torch.no_grad():
        encoder.features(batch)
        return gigaflops(lambda: encoder.features(batch), MIX)


def ops(side: Side) -> int:
    """Of a whole step, the optimiser's included, after one that sets it up."""
    side.step()()
    with OpCounter() as counter:
        side.step()()
    return counter.ops


def probe_encodes() -> float:
    """Clips that a linear probe encodes, per clip of training and test."""
    config = recipe_config(RECIPE).with_changes(encoder=SkeletonTransformerConfig(width=8, depth=1, heads=1))
    probe, encoded = untrained_probe(config, num_train=16), []

    def features(encoder: SkeletonTransformer, batch: ClipBatch) -> Tensor:
        encoded.append(len(batch))
        return batch.xyz.new_zeros(*batch.xyz.shape[:2], encoder.slots, encoder.joints, encoder.width)

    with patch.object(SkeletonTransformer, "features", features):
        probe.cached()
    return sum(encoded) / len(probe.store)


GATES = (
    Gate("MAMP 8+5 step, per clip", lambda: step_gigaflops(masked_side()), 59, "GFLOP"),
    Gate("the same on real bodies only", lambda: step_gigaflops(masked_side(bodies="real")), 44.5, "GFLOP"),
    Gate("frozen MAMP encode, dataset mix, per clip", encode_gigaflops, 17.4, "GFLOP"),
    Gate("ST-GCN training step, per clip", lambda: step_gigaflops(stgcn_side()), 3.75, "GFLOP"),
    Gate("saved activations, MAMP 8+5, per clip", lambda: saved_bytes(masked_side(MIX)) / MIX / 1e6, 160, "MB"),
    Gate("saved activations, ST-GCN, per clip", lambda: saved_bytes(stgcn_side(MIX)) / MIX / 1e6, 17.5, "MB"),
    Gate("MAMP 8+5 step with its optimiser", lambda: ops(masked_side(1)), 670, "operations"),
    Gate("ST-GCN step with its optimiser", lambda: ops(stgcn_side(1)), 990, "operations"),
    Gate("store, share of the dense array of 300 frames", lambda: 100 / store.sizes().ratio.median, 100 / 5.5, "%"),
    Gate("encodes of a linear probe with 5 views, per clip", probe_encodes, 3.9, "encodes"),
)


def table_of_gates() -> tuple[Table, bool]:
    """All of them, and whether they hold."""
    table, holds = Table("what", "measured", "at most", "holds"), True
    for gate in GATES:
        measured = gate.measure()
        passed = measured <= gate.bound
        holds = holds and passed
        figures = (f"{each:.4g} {gate.unit}" for each in (measured, gate.bound))
        table.add_row(gate.what, *figures, "pass" if passed else "fail")
    return table, holds
