"""One process of several that share a batch: `python contrast_script.py METHOD RANK PROCESSES FOLDER`.

Reads the views of the whole batch, takes two steps with its share of the clips, and writes its losses and its queue.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from kineme.clips import ClipBatch
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.momentum_contrast import MomentumContrast
from kineme.train.build import build_method
from small import small_pair

PROGRESS = Progress(step=0, epoch=0.0, epochs=1)


def share(batch: ClipBatch, rank: int, processes: int) -> ClipBatch:
    """Every so manieth clip, as the training loop deals them out."""
    mine = slice(rank, None, processes)
    fields = ("xyz", "present", "length", "index", "label")
    return replace(batch, **{name: getattr(batch, name)[mine] for name in fields})


def main(name: str, rank: int, processes: int, folder: Path) -> None:
    """Two steps without an optimiser: the second is compared with the keys of the first."""
    torch.set_num_threads(1)
    where = f"file://{folder / f'meeting-{processes}'}"
    distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=processes)
    # An encoder without batch norm: its features of a clip do not depend on what else is in the batch.
    method = build_method(small_pair(name, "skeleton_transformer"), Layout.get("kinect20"), 3)
    assert isinstance(method, MomentumContrast)
    xyz = torch.load(folder / "views.pt", weights_only=True)
    clips = torch.arange(xyz.shape[1])
    present = torch.ones(xyz.shape[1:4], dtype=torch.bool)
    views = [
        share(ClipBatch(view, present, clips, clips, clips, Layout.get("kinect20")), rank, processes) for view in xyz
    ]
    losses = torch.stack([method.step(views, {}, PROGRESS).loss.detach() for _ in range(2)])
    torch.save({"losses": losses, "keys": method.queue.keys, "place": method.queue.place}, folder / f"out-{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
