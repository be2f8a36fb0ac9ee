"""Prime joints: the cells of a clip, joint and frame, where the joint density changes most (STJD).

Where a motion matters is told by changes of density, not of position: a still head becomes prime when a hand comes.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from kineme.config import Config

_TINY = 1e-10


class PrimeConfig(Config):
    """Settings of the selection; defaults pick about a third of the cells."""

    delta_step: Annotated[int, Field(ge=1)] = 1
    """Frames between the two densities that are compared."""
    score_norm: Literal["none", "sample_max", "sample_mean", "frame_softmax"] = "sample_mean"
    """Scale of the scores that ``beta`` is compared with."""
    select: Literal["threshold", "topk_sample", "topk_frame"] = "threshold"
    """Scores above ``beta``, or the largest share ``ratio`` of each clip or of each frame."""
    beta: float = 1.0
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.33
    grad: Literal["ste", "soft", "none"] = "ste"
    """Hard mask with the gradient of a soft one, the soft one itself, or a hard one without gradient."""
    ste_width: Annotated[float, Field(gt=0)] = 0.1
    """Width of the soft mask's edge, in scores."""
    ignore_edges: Annotated[int, Field(ge=0)] = 0
    """Frames at either end without prime joints."""


def density_change(density: Tensor, step: int = 1) -> Tensor:
    """D[t] - D[t - step] along time, zero in the first ``step`` frames: (..., T, V) to (..., T, V)."""
    step = min(step, density.shape[-2])
    change = density[..., step:, :] - density[..., : density.shape[-2] - step, :]
    return torch.cat([torch.zeros_like(density[..., :step, :]), change], dim=-2)


def change_score(density: Tensor, step: int = 1) -> Tensor:
    """|D[t] - D[t - step]|: (..., T, V) to (..., T, V)."""
    return density_change(density, step).abs()


score_norms: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda score: score,
    "sample_max": lambda score: score / (score.amax((-2, -1), keepdim=True) + _TINY),
    "sample_mean": lambda score: score / (score.mean((-2, -1), keepdim=True) + _TINY),
    "frame_softmax": lambda score: score.softmax(dim=-1),
}
"""Scales of scores (..., T, V): of the whole clip, or of each frame."""


def largest(score: Tensor, count: int) -> Tensor:
    """Bool mask of the ``count`` largest scores along the last axis; of equal ones the first."""
    order = score.argsort(dim=-1, descending=True, stable=True)[..., :count]
    return torch.zeros_like(score, dtype=torch.bool).scatter(-1, order, True)


def soft_mask(score: Tensor, level: Tensor | float, width: float) -> Tensor:
    """Smooth step from 0 to 1 where scores pass a level: sigmoid((score - level) / width)."""
    return ((score - level) / width).sigmoid()


def select(score: Tensor, config: PrimeConfig) -> tuple[Tensor, Tensor | float]:
    """Bool mask (..., T, V) of normalised scores, and the level at which a cell is prime.

    The level of a top-k rule is the smallest chosen score, without gradient.
    """
    if config.select == "threshold":
        return score > config.beta, config.beta
    cells = score.flatten(-2) if config.select == "topk_sample" else score
    mask = largest(cells, max(1, round(config.ratio * cells.shape[-1])))
    level = cells.detach().masked_fill(~mask, torch.inf).amin(-1, keepdim=True)
    if config.select == "topk_sample":
        return mask.view_as(score), level[..., None]
    return mask, level


def prime_mask(density: Tensor, config: PrimeConfig, present: Tensor | None = None) -> Tensor:
    """Which cells are prime: 1 or 0, or between with ``grad="soft"`` (spec-stjd P1-P6).

    Neither the rule nor its gradient is published; the defaults are ours.

    Args:
        density: (..., T, V), one body each.
        config: rule.
        present: (...) bool; bodies that are absent have no prime joint. All are present where None.

    Returns:
        (..., T, V) in the dtype of ``density``; differentiable as ``config.grad`` says.
    """
    score = score_norms[config.score_norm](change_score(density, config.delta_step))
    chosen, level = select(score, config)
    mask = _with_gradient(chosen.to(score), soft_mask(score, level, config.ste_width), config.grad)
    return mask * _eligible(mask, config.ignore_edges, present)


def _with_gradient(hard: Tensor, soft: Tensor, grad: str) -> Tensor:
    if grad == "soft":
        return soft
    # The difference is exactly zero, so that a hard mask stays one.
    return hard + (soft - soft.detach()) if grad == "ste" else hard


def _eligible(mask: Tensor, ignore_edges: int, present: Tensor | None) -> Tensor:
    """Where a cell may be prime at all: 1 or 0, broadcasts to (..., T, V)."""
    T = mask.shape[-2]
    frame = torch.arange(T, device=mask.device)
    inside = ((frame >= ignore_edges) & (frame < T - ignore_edges)).to(mask).unsqueeze(-1)
    return inside if present is None else inside * present.to(mask)[..., None, None]
