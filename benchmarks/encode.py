"""Frozen MAMP encoder beside the authors' code: features of a batch as the dataset mixes it, and of one clip.

Both have the same weights; before anything is timed, their features are compared.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.clips import random_batch
from benchmarks.masked_step import WINDOW
from benchmarks.originals import importing
from benchmarks.rows import Effort, Goal, Result, Subject
from benchmarks.steps import Step
from benchmarks.timing import in_turns
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import from_official
from kineme.layout import Layout

LATENCY_THREADS, LATENCY_ROUNDS = 2, 9


def their_encoder(checkout: Path) -> nn.Module:
    """The network of the authors' linear probe without its head, frozen."""
    with importing(checkout):
        from model.transformer import Transformer  # pyright: ignore[reportMissingImports]

        network: nn.Module = Transformer(depth=8)
    network.head = nn.Identity()
    return network.eval().requires_grad_(False)


def our_encoder(layout: Layout) -> SkeletonTransformer:
    """The same in kineme, in evaluation."""
    return SkeletonTransformer(SkeletonTransformerConfig(), layout, WINDOW).eval()


def encodings(checkout: Path, batch: ClipBatch) -> tuple[Step, Step]:
    """Features (B, M, S, V, D) by the authors' code and by ours, after a check that they are the same."""
    network, encoder = their_encoder(checkout), our_encoder(batch.layout)
    state = from_official(network.state_dict())
    encoder.load_state_dict({name.removeprefix("encoder."): value for name, value in state.items()})
    x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()

    @torch.inference_mode()
    def theirs() -> Tensor:
        return network(x)

    @torch.inference_mode()
    def ours() -> Tensor:
        return encoder.features(batch)

    torch.testing.assert_close(ours(), theirs(), rtol=1e-4, atol=2e-5)
    return theirs, ours


def measure(checkout: Path, effort: Effort) -> Sequence[Result]:
    """Process time of a batch on one thread, wall time of one clip of one person on two."""
    batch = in_turns(*encodings(checkout, random_batch(effort.clips, WINDOW)), rounds=effort.rounds)
    one = encodings(checkout, one_person())
    threads = torch.get_num_threads()
    torch.set_num_threads(LATENCY_THREADS)
    latency = in_turns(*one, rounds=LATENCY_ROUNDS, clock=time.perf_counter)
    torch.set_num_threads(threads)
    return Result.of_seconds(*batch), Result.of_seconds(*latency)


def one_person() -> ClipBatch:
    """A clip whose second body is absent."""
    clip = random_batch(1, WINDOW)
    xyz = clip.xyz.clone()
    xyz[:, 1] = 0
    return clip.with_xyz(xyz)


SUBJECT = Subject(
    goals=(
        Goal("frozen encode, dataset mix, identical features", 5.5, 8),
        Goal("latency of one single-person clip, 2 threads, wall time", 6, 8),
    ),
    measure=measure,
    needs="mamp",
)
