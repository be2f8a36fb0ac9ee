"""Weights that training starts from: read from a run or a file, and put into fresh networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kineme.errors import LayoutMismatchError, RunError
from kineme.infer.difference import Difference
from kineme.methods import Method
from kineme.nn.tokens import resize_time_table
from kineme.recipes.base import recipes

TIME_TABLES = ("encoder.positions.time", "decoder.positions.time")


@dataclass(frozen=True)
class StartReport:
    """What became of weights that training starts from.

    Args:
        taken: names that were copied.
        fresh: names of the networks that stay as they were initialised.
        unused: names of the weights that have no place in the networks, or another shape.
        resized: position tables that were interpolated to another number of slots.
    """

    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]
    resized: tuple[str, ...]

    def __str__(self) -> str:
        resized = f" ({', '.join(self.resized)} interpolated)" if self.resized else ""
        return f"{len(self.taken)} taken{resized}, {len(self.fresh)} left fresh, {len(self.unused)} not used"


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Weights of a run, or of a ``.safetensors`` file, under our names.

    Raises:
        RunError: no run or file there, or one of another kind, or damaged.
    """
    path = Path(path)
    file = path / "weights.safetensors" if path.is_dir() or not path.suffix else path
    if file.suffix != ".safetensors":
        raise RunError(
            f"{path}: expected the folder of a run or a .safetensors file; a checkpoint of the authors becomes a run "
            f"with: kineme import-weights RECIPE {path}"
        )
    if not file.is_file():
        recipe = path.name if path.name in recipes.names() else "RECIPE"
        raise RunError(f"{path}: no weights here; make them with: kineme pretrain {recipe} --store STORE --out {path}")
    try:
        return load_file(file)
    except SafetensorError as error:
        raise RunError(f"{file}: damaged ({error}); copy or train it again") from error


def load_start(method: Method, weights: Mapping[str, Tensor], scope: Literal["all_matching", "encoder"]) -> StartReport:
    """Copy into a fresh method what weights have for it: the whole encoder, and more where more fits.

    Position tables in time are interpolated to the method's number of slots. Nothing is copied where an error is
    raised.

    Args:
        method: networks as initialised; changed in place.
        weights: under our names, as a run holds them.
        scope: "encoder": the encoder alone; "all_matching": whatever has its name and shape (spec-stjd §4.5).

    Raises:
        LayoutMismatchError: weights of other joints, or of tokens of another length; there is no conversion.
        RunError: the encoder's weights are not all there, or not of its shapes.
    """
    own = method.state_dict()
    offered = {name: fitted_table(name, value, own) for name, value in weights.items()}
    _require_tokens(offered, own)
    _require_encoder(offered, own)
    taken = [
        name
        for name, value in own.items()
        if name in offered
        and not name.startswith(method.starts_fresh)
        and offered[name].shape == value.shape
        and (scope == "all_matching" or name.startswith("encoder."))
    ]
    with torch.no_grad():
        for name in taken:
            own[name].copy_(offered[name])  # shares memory with the method
    method.after_start()
    return StartReport(
        taken=tuple(taken),
        fresh=tuple(name for name in own if name not in taken),
        unused=tuple(name for name in weights if name not in taken),
        resized=tuple(name for name in taken if weights[name].shape != own[name].shape),
    )


def fitted_table(name: str, value: Tensor, networks: Mapping[str, Tensor]) -> Tensor:
    """A position table in time, interpolated to the slots that networks have; all else as it is."""
    if name in TIME_TABLES and name in networks and value.ndim == networks[name].ndim and value.numel():
        return resize_time_table(value, networks[name].shape[1])
    return value


def _require_tokens(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Weights of other tokens can have any number of matching shapes; none of them would mean the same."""
    for name, axis, what in (
        ("encoder.positions.joint", 2, "joints"),
        ("encoder.tokeniser.weight", 1, "numbers per token (frames of a segment times coordinates)"),
    ):
        if name in weights and name in own and weights[name].ndim == own[name].ndim:
            found, wanted = weights[name].shape[axis], own[name].shape[axis]
            if found != wanted:
                raise LayoutMismatchError(
                    f"the weights are of {found} {what}, the networks of {wanted}; there is no conversion across "
                    f"them: give the settings with which the weights were trained"
                )


def _require_encoder(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    parts = [{name: value for name, value in state.items() if name.startswith("encoder.")} for state in (weights, own)]
    difference = Difference.of(*parts)
    if difference:
        raise RunError(f"these weights are not of this encoder:{difference.describe()}")
