"""One training step of MAMP at the size it has on NTU RGB+D, beside the authors' code on the same clips and masks.

    python -m benchmarks.masked_step --reference CHECKOUT [--clips 8] [--rounds 5]

The reference is a checkout of MAMP (https://github.com/maoyunyao/MAMP), run as it is, with the plain AdamW of its
script. Both start from the same weights; before anything is timed, loss and gradients are compared. A quarter of the
clips show two people, the others one, and the second body is zero in them.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table
from torch import Generator, Tensor, nn

from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.infer.official import from_official
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.mamp import MAMP, MAMPConfig
from kineme.methods.masked import Decoder
from kineme.methods.token_decoder import TokenDecoder
from kineme.nn.matmul import onednn
from kineme.nn.tokens import take_tokens
from kineme.train.config import TrainConfig
from kineme.train.optim import build_optimizer

WINDOW, BODIES, JOINTS = 120, 2, 25
CONFIG = MAMPConfig()  # decoder of 3 layers, 90 % hidden
START = Progress(step=0, epoch=0.0, epochs=1)

PARTS = 2

Step = Callable[[], object]


def random_batch(num_clips: int) -> ClipBatch:
    """Wandering bodies, the second one in a quarter of the clips."""
    xyz = 0.01 * torch.randn(num_clips, BODIES, WINDOW, JOINTS, 3, generator=Generator().manual_seed(0)).cumsum(dim=2)
    xyz[num_clips // 4 :, 1] = 0
    clips = torch.arange(num_clips)
    present = xyz.abs().sum(dim=(3, 4)) > 0
    return ClipBatch(xyz, present, torch.full_like(clips, WINDOW), clips, clips, Layout.get("kinect25"))


def authors_network(checkout: Path) -> nn.Module:
    """MAMP of the checkout with the sizes of its script for NTU RGB+D 60."""
    sys.path.insert(0, str(checkout))
    from model_mamp.transformer import Transformer  # pyright: ignore[reportMissingImports]

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return Transformer(depth=8, decoder_depth=CONFIG.decoder_depth, norm_skes_loss=True)


class Theirs:
    """The authors' network, their optimiser and a batch in their order of axes."""

    def __init__(self, checkout: Path, batch: ClipBatch) -> None:
        self.network = authors_network(checkout)
        self.x = batch.xyz.permute(0, 4, 2, 3, 1).contiguous()
        decay, plain = [], []
        for parameter in self.network.parameters():
            (decay if parameter.ndim > 1 else plain).append(parameter)
        groups = [{"params": plain, "weight_decay": 0.0}, {"params": decay, "weight_decay": 0.05}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95))

    def learn(self) -> None:
        """Loss and gradients."""
        self.loss().backward()

    def loss(self) -> Tensor:
        loss, _, _ = self.network(
            self.x, mask_ratio=CONFIG.mask_ratio, motion_stride=CONFIG.motion_stride, motion_aware_tau=CONFIG.tau
        )
        return loss


class Ours:
    """The same in kineme, with the same weights; in several parts of the batch, as ``train.accumulate`` has it."""

    def __init__(self, theirs: Theirs, batch: ClipBatch, parts: int = 1, **changes: object) -> None:
        encoder = SkeletonTransformer(SkeletonTransformerConfig(), batch.layout, WINDOW)
        self.network = MAMP(CONFIG.with_changes(**changes), encoder)
        self.network.load_state_dict(from_official(theirs.network.state_dict()))
        self.batch, self.generator = batch, Generator().manual_seed(0)
        self.parts = [part_of(batch, clips) for clips in torch.arange(len(batch)).chunk(parts)]
        self.optimizer = build_optimizer(self.network, TrainConfig(lr=1e-4))

    def learn(self) -> None:
        """Loss and gradients, part by part."""
        for part in self.parts:
            draws = self.network.sample([part], self.generator)
            (self.network.step([part], draws, START).loss / len(self.parts)).backward()

    def loss(self) -> Tensor:
        return self.network.step([self.batch], self.network.sample([self.batch], self.generator), START).loss


def part_of(batch: ClipBatch, clips: Tensor) -> ClipBatch:
    """Some clips of a batch."""
    fields = (batch.xyz, batch.present, batch.length, batch.index, batch.label)
    return ClipBatch(*(each[clips] for each in fields), layout=batch.layout)


def train_step(side: Theirs | Ours, context: Callable[[], AbstractContextManager[object]] = nullcontext) -> Step:
    """Forward, backward and optimiser step, all in a context."""

    def run() -> None:
        with context():
            side.learn()
            side.optimizer.step()
            side.optimizer.zero_grad()

    return run


def check(theirs: Theirs, ours: Ours) -> None:
    """Stop unless both have the same loss and the same gradients for the same mask."""
    draws = ours.network.sample([ours.batch], Generator().manual_seed(1))
    with patch("torch.rand", lambda *size, **options: draws["mask"]):
        expected = theirs.loss()
    loss = ours.network.step([ours.batch], draws, START).loss
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    expected.backward()
    loss.backward()
    gradients = from_official({name: grad_of(parameter) for name, parameter in theirs.network.named_parameters()})
    for name, parameter in ours.network.named_parameters():
        difference = (grad_of(parameter) - gradients[name]).norm() / gradients[name].norm()
        assert difference < 1e-4, f"{name}: gradients differ by {difference:.1e}"
        parameter.grad = None
    theirs.optimizer.zero_grad()


def grad_of(parameter: nn.Parameter) -> Tensor:
    """Its gradient, which it must have."""
    assert parameter.grad is not None
    return parameter.grad


def saved_bytes(side: Theirs | Ours) -> int:
    """Bytes that the forward pass keeps for the backward pass, parameters not counted."""
    own = {parameter.untyped_storage().data_ptr() for parameter in side.network.parameters()}
    kept = {}  # holds on to the storages, or their addresses would be used again

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        side.loss()
    return sum(storage.nbytes() for address, storage in kept.items() if address not in own)


def plain_first_layer() -> AbstractContextManager[Any]:
    """The decoder's first layer runs every sequence by itself."""
    return patch.object(Decoder, "forward", TokenDecoder.forward)


@contextlib.contextmanager
def all_predicted(network: MAMP) -> Iterator[None]:
    """The last layer runs all tokens, as if all were scored."""
    decode = network.decoder.forward

    def run(latent: Tensor, where: Tensor, wanted: Tensor | None = None) -> Tensor:
        assert wanted is not None
        return take_tokens(decode(latent, where), wanted)

    with patch.object(network.decoder, "forward", run):
        yield


def own_products() -> AbstractContextManager[Any]:
    """Linear layers as torch runs them by itself."""
    return patch("kineme.nn.matmul.onednn_is_exact", lambda: False)


@dataclass(frozen=True)
class Result:
    """CPU seconds of a step by what was run; megabytes kept per clip, by them and by us; seconds to encode a batch."""

    seconds: dict[str, float]
    their_megabytes: float
    our_megabytes: float
    encode_each: float
    encode_distinct: float


def measure(checkout: Path, num_clips: int, rounds: int) -> Result:
    """Everything in one process and in turn, after a check that both sides agree."""
    batch = random_batch(num_clips)
    theirs = Theirs(checkout, batch)
    ours, real = Ours(theirs, batch), Ours(theirs, batch, skip_empty=True)
    halves = Ours(theirs, batch, parts=PARTS)
    check(theirs, ours)
    steps = {
        "reference": train_step(theirs),
        "reference, oneDNN": train_step(theirs, onednn),
        f"kineme, batch in {PARTS} parts": train_step(halves),
        "kineme": train_step(ours),
        "kineme, first decoder layer for each body": train_step(ours, plain_first_layer),
        "kineme, all tokens predicted": train_step(ours, lambda: all_predicted(ours.network)),
        "kineme, torch's own products": train_step(ours, own_products),
        "kineme, skip_empty": train_step(real),
    }
    their_bytes, our_bytes = saved_bytes(theirs), saved_bytes(ours)
    seconds = medians(*steps.values(), rounds=rounds)
    each, distinct = medians(*encodings(ours), rounds=rounds)
    return Result(
        seconds=dict(zip(steps, seconds, strict=True)),
        their_megabytes=their_bytes / num_clips / 1e6,
        our_megabytes=our_bytes / num_clips / 1e6,
        encode_each=each,
        encode_distinct=distinct,
    )


def encodings(ours: Ours) -> tuple[Step, Step]:
    """Features of the batch body by body, and as evaluation makes them."""
    encoder = ours.network.encoder

    @torch.inference_mode()
    def each() -> Tensor:
        return encoder.train().features(ours.batch)

    @torch.inference_mode()
    def distinct() -> Tensor:
        return encoder.eval().features(ours.batch)

    torch.testing.assert_close(each(), distinct(), rtol=1e-4, atol=1e-5)
    return each, distinct


def main() -> None:
    """Measure on one thread and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="checkout of MAMP")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    result = measure(args.reference, args.clips, args.rounds)
    table = Table(f"a step of {args.clips} clips", "CPU seconds", "times the reference")
    for name, seconds in result.seconds.items():
        table.add_row(name, f"{seconds:.2f}", f"{result.seconds['reference'] / seconds:.2f}")
    memory = Table("kept for the backward pass", "MB per clip", "share of the reference")
    memory.add_row("reference", f"{result.their_megabytes:.0f}", "")
    share = result.our_megabytes / result.their_megabytes
    memory.add_row("kineme", f"{result.our_megabytes:.0f}", f"{share:.0%}")
    encode = Table(f"features of {args.clips} clips", "CPU seconds", "times as fast")
    encode.add_row("every body slot", f"{result.encode_each:.2f}", "")
    encode.add_row(
        "equal bodies once", f"{result.encode_distinct:.2f}", f"{result.encode_each / result.encode_distinct:.2f}"
    )
    for each in (table, memory, encode):
        Console().print(each)


if __name__ == "__main__":
    main()
