"""Weights under the names of the authors' MAE, MAMP and STJD-MP code, and under ours (spec-masked §7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

KERNEL = "joints_embed.proj.weight"
"""The one official parameter whose shape is not ours."""

# How official names begin, and ours for the same. Blocks, norms and heads keep their inner names.
_PREFIXES = (
    ("decoder_temp_embed", "decoder.positions.time"),
    ("decoder_pos_embed", "decoder.positions.joint"),
    ("decoder_pred.", "decoder.predict."),
    ("decoder_embed.", "decoder.embed."),
    ("decoder_norm.", "decoder.norm."),
    ("decoder_blocks.", "decoder.blocks."),
    ("mask_token", "decoder.mask_token"),
    ("temp_embed", "encoder.positions.time"),
    ("pos_embed", "encoder.positions.joint"),
    ("joints_embed.proj.", "encoder.tokeniser."),
    ("blocks.", "encoder.blocks."),
    ("norm.", "encoder.norm."),
    ("head.fc.0.", "head.norm."),
    ("head.fc.1.", "head.linear."),
    ("gen_mask.h_values", "density.raw_bandwidth"),
    ("gen_mask.weights", "density.channel_weight"),
    ("gen_mask.joint_weights", "density.joint_weight"),
    ("gen_mask.m.", "density.projection."),
)


def our_name(official: str) -> str:
    """Our name of an official parameter; a name that is not the encoder's or decoder's is returned as it is."""
    for theirs, ours in _PREFIXES:
        if official.startswith(theirs):
            return ours + official.removeprefix(theirs)
    return official


def official_name(ours: str) -> str:
    """Official name of one of our parameters, or the name itself: the inverse of `our_name`."""
    for theirs, prefix in _PREFIXES:
        if ours.startswith(prefix):
            return theirs + ours.removeprefix(prefix)
    return ours


def our_value(official: str, value: Tensor) -> Tensor:
    """An official parameter as we keep it: the tokeniser's convolution kernel as a matrix, all else as it is."""
    return tokeniser_matrix(value) if official == KERNEL else value


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official state dict under our names and in our shapes."""
    return {our_name(name): our_value(name, value) for name, value in state.items()}


def tokeniser_matrix(kernel: Tensor) -> Tensor:
    """Kernel (D, C, segment, 1) of the authors' convolution as our matrix (D, segment*C)."""
    return kernel.squeeze(-1).transpose(1, 2).flatten(1)


@dataclass(frozen=True)
class Naming:
    """How a code base names its parameters.

    Args:
        ours: our name of an official one.
        official: its inverse.
        value: a parameter of that official name in our shape.
        is_dead: whether we have no use for a parameter of that official name.
        why_dead: why not, as the end of "so many that ...".
    """

    ours: Callable[[str], str]
    official: Callable[[str], str]
    value: Callable[[str, Tensor], Tensor]
    is_dead: Callable[[str], bool] = lambda official: False
    why_dead: str = "the authors' code never uses"


MAMP_NAMING = Naming(our_name, official_name, our_value)
