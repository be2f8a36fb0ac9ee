"""What processes that share a batch have to know of each other's clips.

In data-parallel training every process has its share of the batch, as many clips as each of the others. A loss that is
a mean over clips needs nothing more: gradients are averaged over processes, and so become those of the whole batch.
What else a method takes of the batch goes through the functions here, which all processes must call in the same order.
"""

import torch
from torch import Tensor, distributed


def num_processes() -> int:
    """How many share a batch; 1 where nothing was started."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def total(x: Tensor) -> Tensor:
    """Sum of a tensor over all processes, of the same shape. No gradient."""
    if num_processes() == 1:
        return x.detach()
    summed = x.detach().clone()
    distributed.all_reduce(summed)
    return summed


def gather_rows(x: Tensor) -> Tensor:
    """Rows (B, D) of all processes, in the order of their ranks; they must all have as many. No gradient."""
    if num_processes() == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(num_processes())]
    distributed.all_gather(parts, x.detach().contiguous())
    return torch.cat(parts)
