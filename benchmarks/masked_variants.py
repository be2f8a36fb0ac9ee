"""What each saving in a training step of MAMP gives: steps without one of them, beside the authors' code.

    python -m benchmarks.masked_variants --reference CHECKOUT [--clips 11] [--rounds 5]

The reference is a checkout of MAMP (https://github.com/maoyunyao/MAMP), run as it is, with the plain AdamW of its
script. Both start from the same weights; before anything is timed, loss and gradients are compared.
"""

import argparse
import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from rich.console import Console
from torch import Generator, Tensor

from benchmarks.clips import random_batch
from benchmarks.masked_step import WINDOW, check, our_side, their_side
from benchmarks.rows import table_of_seconds
from benchmarks.steps import START, Side, Step
from benchmarks.timing import medians
from kineme.clips import ClipBatch
from kineme.methods.mamp import MAMP
from kineme.methods.masked import Decoder
from kineme.methods.token_decoder import TokenDecoder
from kineme.nn.matmul import onednn
from kineme.nn.tokens import take_tokens

PARTS = 2


def part_of(batch: ClipBatch, clips: Tensor) -> ClipBatch:
    """Some clips of a batch."""
    fields = (batch.xyz, batch.present, batch.length, batch.index, batch.label)
    return ClipBatch(*(each[clips] for each in fields), layout=batch.layout)


def step_in_parts(side: Side, batch: ClipBatch) -> Step:
    """A step on parts of the batch one after the other, as ``train.accumulate`` has it."""
    network, generator = side.network, Generator().manual_seed(0)
    assert isinstance(network, MAMP)
    parts = [part_of(batch, clips) for clips in torch.arange(len(batch)).chunk(PARTS)]

    def run() -> None:
        for part in parts:
            loss = network.step([part], network.sample([part], generator), START).loss
            (loss * len(part) / len(batch)).backward()
        side.optimizer.step()
        side.optimizer.zero_grad()

    return run


def plain_first_layer() -> AbstractContextManager[Any]:
    """The decoder's first layer runs every sequence by itself."""
    return patch.object(Decoder, "forward", TokenDecoder.forward)


@contextlib.contextmanager
def all_predicted(side: Side) -> Iterator[None]:
    """The last layer runs all tokens, as if all were scored."""
    network = side.network
    assert isinstance(network, MAMP)
    decode = network.decoder.forward

    def run(latent: Tensor, where: Tensor, wanted: Tensor | None = None) -> Tensor:
        assert wanted is not None
        return take_tokens(decode(latent, where), wanted)

    with patch.object(network.decoder, "forward", run):
        yield


def own_products() -> AbstractContextManager[Any]:
    """Linear layers as torch runs them by itself."""
    return patch("kineme.nn.matmul.onednn_is_exact", lambda: False)


def measure(checkout: Path, num_clips: int, rounds: int) -> dict[str, float]:
    """CPU seconds of a step by what was run, in one process and in turn."""
    batch = random_batch(num_clips, WINDOW)
    theirs = their_side(checkout, batch)
    weights = theirs.network.state_dict()
    ours, real = our_side(batch, weights), our_side(batch, weights, bodies="real")
    check(theirs, ours, batch)
    steps = {
        "reference": theirs.step(),
        "reference, oneDNN": theirs.step(onednn),
        f"kineme, batch in {PARTS} parts": step_in_parts(our_side(batch, weights), batch),
        "kineme": ours.step(),
        "kineme, first decoder layer for each body": ours.step(plain_first_layer),
        "kineme, all tokens predicted": ours.step(lambda: all_predicted(ours)),
        "kineme, torch's own products": ours.step(own_products),
        "kineme, real bodies": real.step(),
    }
    return dict(zip(steps, medians(*steps.values(), rounds=rounds), strict=True))


def main() -> None:
    """Measure on one thread and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="checkout of MAMP")
    parser.add_argument("--clips", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    measured = measure(args.reference, args.clips, args.rounds)
    Console().print(table_of_seconds(f"a step of {args.clips} clips", measured))


if __name__ == "__main__":
    main()
