"""What a masked method sees, hides and predicts of a clip, in a form that can be drawn.

One step of the method on clips as evaluation sees them. A new method joins in by registering its own `explain`; a new
score of `MaskedPrediction`, its own `token_maps`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.losses.masked import token_error
from kineme.methods import Method
from kineme.methods.base import Progress
from kineme.methods.hacm import HACM
from kineme.methods.hacm_groups import even_then_odd, flat_scores, flat_tokens
from kineme.methods.mamp import MAMP
from kineme.methods.masked import MaskedPrediction
from kineme.methods.stjd_mp import STJDMP
from kineme.nn.poincare import log_map
from kineme.nn.prime_joints import PrimeConfig, change_score, prime_mask
from kineme.nn.tokens import from_segments, to_segments
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.transforms.base import Draws
from kineme.transforms.pipeline import eval_pipeline
from kineme.viz.body_views import BodyView, body_views

_TINY = 1e-6  # of the normalisers of targets


@dataclass(frozen=True)
class TokenMap:
    """One number for every token, and the tokens singled out.

    Args:
        name: what the number is.
        value: (N, S, V), or (S, V) of one body; NaN where there is no token, or none that is judged by this.
        marked: bool in the same shape.
        meaning: what is said of the marked tokens.
    """

    name: str
    value: np.ndarray
    marked: np.ndarray
    meaning: str


@dataclass(frozen=True)
class Masking:
    """What a method did to N bodies; N is dropped where one of them is described.

    Args:
        maps: numbers that tokens are chosen by, and what else tells about the choice; none where chance alone decides.
        visible: (N, S, V) bool, what the encoder read.
        hidden: (N, S, V) bool, what counts in the loss of the prediction. A joint without tokens is neither.
        target: (N, T, V, C) what is predicted, in the unit of the clips; NaN where there is no token.
        prediction: the same of the network; NaN where nothing is hidden.
        error: (N,) mean squared error of the hidden tokens, targets scaled as the method scales them.
        error_of_zeros: (N,) the same of an answer of zeros.
        frames_ahead: frames over which the predicted motion goes; 0 where coordinates are predicted.
        scaling: what a drawn prediction takes from the truth, since targets are normalised; empty where nothing.
    """

    maps: tuple[TokenMap, ...]
    visible: np.ndarray
    hidden: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    error: np.ndarray
    error_of_zeros: np.ndarray
    frames_ahead: int
    scaling: str

    def of(self, body: int) -> Self:
        """Description of one of the bodies."""
        arrays = {name: value[body] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        maps = tuple(replace(each, value=each.value[body], marked=each.marked[body]) for each in self.maps)
        return replace(self, maps=maps, **arrays)


@dataclass(frozen=True, kw_only=True)
class MaskedView(BodyView):
    """One body of a clip, and what a masked method did to it; predictions of untrained weights mean nothing.

    Args:
        masking: of this body.
    """

    masking: Masking

    @property
    def segment(self) -> int:
        """Frames per token."""
        return len(self.poses) // len(self.masking.visible)

    @property
    def with_tokens(self) -> np.ndarray:
        """(V,) bool, joints that have tokens."""
        return np.logical_or.reduce(self.masking.visible | self.masking.hidden)

    @property
    def predicts_poses(self) -> bool:
        """Whether predictions are coordinates of joints, which can be drawn as a body."""
        return self.stream == "joint" and not self.masking.frames_ahead


@torch.no_grad()
def masked_views(
    method: Method,
    config: RunConfig,
    store: SkeletonStore,
    index: Sequence[int] | np.ndarray,
    *,
    trained: bool = True,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> list[MaskedView]:
    """Let a method do one step on some clips; its weights stay as they are.

    Args:
        method: any that `explain` knows; is put into evaluation mode.
        config: of the run that the method belongs to.
        store: the clips.
        index: (N,) positions of clips in the store.
        trained: whether the weights are; predictions of others are not drawn.
        seed: of the mask.
        device: where to compute.

    Returns:
        One view for every body that is present in a clip, clip by clip.

    Raises:
        ConfigError: a method that hides no tokens.
        LayoutMismatchError: clips of another layout than the method's.
    """
    method, clips = method.to(device).eval(), store.to(device).gather(index)
    generator = torch.Generator().manual_seed(seed)
    batch = eval_pipeline(config.prepare)(clips, generator)
    masking = explain(method, batch, generator)
    bodies = body_views(config, store, clips, index, trained=trained)
    return [MaskedView(**vars(body), masking=masking.of(n)) for n, body in bodies]


@singledispatch
def explain(method: Method, batch: ClipBatch, generator: Generator) -> Masking:
    """What a method does to every body of a batch in one step.

    Args:
        method: its class decides which implementation answers.
        batch: the method's input.
        generator: of the step's random decisions.

    Raises:
        ConfigError: a method that hides no tokens.
    """
    raise ConfigError(f"{type(method).__name__} hides no tokens of a clip, so there is nothing to draw")


@explain.register
def _(method: MaskedPrediction, batch: ClipBatch, generator: Generator) -> Masking:
    encoder, segment = method.encoder, method.encoder.config.segment
    _, artefacts = _step(method, batch, generator)
    tokens, hidden = encoder.segments(batch), artefacts["masked"].bool()
    truth = to_segments(method.target(encoder.sequences(batch)), segment)
    prediction = _only(_undo[method.config.norm_target](artefacts["prediction"].float(), truth), hidden)
    grid = (encoder.slots, encoder.joints)
    visible = _numpy(~hidden.unflatten(1, grid))
    return Masking(
        maps=token_maps(method, tokens.unflatten(1, grid), visible),
        visible=visible,
        hidden=~visible,
        target=_numpy(from_segments(truth, encoder.joints, segment)),
        prediction=_numpy(from_segments(prediction, encoder.joints, segment)),
        frames_ahead=method.motion_stride if isinstance(method, MAMP) else 0,
        scaling=_SCALING[method.config.norm_target],
        **_errors(artefacts),
    )


@explain.register
def _(method: HACM, batch: ClipBatch, generator: Generator) -> Masking:
    encoder, orders = method.encoder, _orders(method)
    draws, artefacts = _step(method, batch, generator)
    sequences = encoder.sequences(batch)
    tokens = encoder.tokens(sequences)
    points = encoder.to_ball(tokens)

    def grid(tokens: tuple[Tensor, ...], order: Tensor) -> np.ndarray:
        """Both groups (N, G), or both in one, to (N, S, V)."""
        placed = _put(torch.cat(tokens, dim=1), order).unflatten(1, (encoder.slots, -1))
        return _all_joints(placed, encoder.kept, encoder.layout)

    def motion(tokens: Tensor) -> np.ndarray:
        """Tokens (N, 2 * G, F) in the order of the targets to (N, T, V, C)."""
        frames = from_segments(_put(tokens, orders.target), encoder.joints, encoder.config.segment)
        return _all_joints(log_map(frames) if method.config.ball_target else frames, encoder.kept, encoder.layout)

    ranks = method.ranks(sequences, tokens, points, draws)
    visible = grid(tuple(rank < method.num_visible for rank in ranks), orders.token)
    score = grid(method.scores(sequences, tokens, points), orders.score)
    truth, hidden = method.raw_target(sequences), artefacts["masked"].bool()
    prediction = _only(_undo["token"](artefacts["prediction"].float(), truth), hidden)
    return Masking(
        maps=_halves(score, visible),
        visible=visible,
        hidden=grid((hidden,), orders.target),
        target=motion(truth),
        prediction=motion(prediction),
        frames_ahead=1,
        scaling=_SCALING["token"],
        **_errors(artefacts),
    )


class _Orders(NamedTuple):
    """Numbers (L,) of the tokens on the grid, in the order of three lists of HA-CM, even slots first."""

    token: Tensor
    score: Tensor
    target: Tensor


def _orders(method: HACM) -> _Orders:
    """Made by arranging the numbers as the method arranges what they stand for."""
    encoder, arrangement = method.encoder, method.config.layout
    number = torch.arange(encoder.slots * encoder.joints, device=encoder.kept.device).view(1, encoder.slots, -1)
    even, odd = even_then_odd(number)
    lists = (
        torch.cat(flat_tokens(even.unsqueeze(-1), odd.unsqueeze(-1), arrangement), dim=1),
        torch.cat(flat_scores(even, odd, arrangement), dim=1),
        torch.cat((even, odd), dim=1),
    )
    return _Orders(*(each.flatten() for each in lists))


def _halves(score: np.ndarray, visible: np.ndarray) -> tuple[TokenMap, ...]:
    """Both criteria of HA-CM from the scores (N, S, V) of both."""
    even = (np.arange(score.shape[1]) % 2 == 0)[:, None]
    names = {"attention over time, in even slots": even, "hierarchy of the joints, in odd slots": ~even}
    return tuple(
        TokenMap(name, np.where(half, score, np.nan), visible & half, "stay visible") for name, half in names.items()
    )


@singledispatch
def token_maps(method: MaskedPrediction, tokens: Tensor, visible: np.ndarray) -> tuple[TokenMap, ...]:
    """Numbers that a method chooses tokens by; none where chance alone decides.

    Args:
        method: its class decides which implementation answers.
        tokens: (N, S, V, segment*C).
        visible: (N, S, V) bool.
    """
    return ()


@token_maps.register
def _(method: MAMP, tokens: Tensor, visible: np.ndarray) -> tuple[TokenMap, ...]:
    if method.tau == 0:
        return ()
    intensity = method.intensity(tokens.flatten(1, 2)).view(tokens.shape[:3])
    return (TokenMap("motion intensity", _numpy(intensity), visible, "stay visible"),)


@token_maps.register
def _(method: STJDMP, tokens: Tensor, visible: np.ndarray) -> tuple[TokenMap, ...]:
    density = method.density(tokens)
    prime = _numpy(prime_mask(density, PrimeConfig()) > 0)
    above = (TokenMap("joint density", _numpy(density), prime, "prime joints, where it changes by more than the mean"),)
    if method.tau == 0:
        return above
    return (TokenMap("change of joint density", _numpy(change_score(density)), visible, "stay visible"), *above)


def _step(method: Method, batch: ClipBatch, generator: Generator) -> tuple[Draws, Mapping[str, Tensor]]:
    """Draws and artefacts of one step."""
    draws = method.sample([batch], generator)
    return draws, method.step([batch], draws, Progress(step=0, epoch=0.0, epochs=1)).artefacts


def _errors(artefacts: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Errors (N,) over the hidden tokens of each body."""
    target, masked = artefacts["target"], artefacts["masked"]

    def mean(prediction: Tensor) -> np.ndarray:
        return _numpy((token_error(prediction, target) * masked).sum(dim=1) / masked.sum(dim=1))

    return {"error": mean(artefacts["prediction"]), "error_of_zeros": mean(torch.zeros_like(target))}


def _undo_tokens(prediction: Tensor, truth: Tensor) -> Tensor:
    variance, mean = torch.var_mean(truth, dim=-1, keepdim=True)
    return prediction * (variance + _TINY).sqrt() + mean


def _undo_clips(prediction: Tensor, truth: Tensor) -> Tensor:
    return prediction * (truth.square().mean(dim=(1, 2), keepdim=True) + _TINY).sqrt()


# Inverses of `kineme.losses.masked.normalisers`: (N, L, F) predictions and true targets in the unit of the clips.
_undo: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "token": _undo_tokens,
    "clip": _undo_clips,
    "none": lambda prediction, truth: prediction,
}
_SCALING = {
    "token": "drawn with each token's true mean and spread",
    "clip": "drawn with the body's true spread",
    "none": "",
}


def _only(tokens: Tensor, chosen: Tensor) -> Tensor:
    """Tokens (N, L, F), NaN but where chosen (N, L)."""
    return tokens.masked_fill(~chosen.unsqueeze(-1), torch.nan)


def _put(x: Tensor, order: Tensor) -> Tensor:
    """(N, L, ...) with entry i moved to place ``order[i]``; (L,)."""
    moved = torch.empty_like(x)
    moved[:, order] = x
    return moved


def _all_joints(x: Tensor, kept: Tensor, layout: Layout) -> np.ndarray:
    """Kept joints (N, S, V', ...) among all (N, S, V, ...): false or NaN at the others."""
    nothing = False if x.dtype == torch.bool else torch.nan
    grid = x.new_full((*x.shape[:2], layout.num_joints, *x.shape[3:]), nothing)
    grid[:, :, kept] = x
    return _numpy(grid)


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()
