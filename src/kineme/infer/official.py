"""Weights under the names of the authors' MAE, MAMP and STJD-MP code, and under ours (spec-masked §7)."""

import re
from collections.abc import Mapping

from torch import Tensor

# Official name to ours; the first match counts. Blocks, norms and heads keep their inner names.
_RENAMES = (
    (r"decoder_temp_embed", "decoder.positions.time"),
    (r"decoder_pos_embed", "decoder.positions.joint"),
    (r"decoder_pred\.", "decoder.predict."),
    (r"decoder_(embed|norm|blocks)\.", r"decoder.\1."),
    (r"mask_token", "decoder.mask_token"),
    (r"temp_embed", "encoder.positions.time"),
    (r"pos_embed", "encoder.positions.joint"),
    (r"joints_embed\.proj\.", "encoder.tokeniser."),
    (r"(blocks|norm)\.", r"encoder.\1."),
    (r"gen_mask\.h_values", "density.raw_bandwidth"),
    (r"gen_mask\.weights", "density.channel_weight"),
    (r"gen_mask\.joint_weights", "density.joint_weight"),
    (r"gen_mask\.m\.", "density.projection."),
)


def our_name(official: str) -> str:
    """Our name of an official parameter; a name that is not the encoder's or decoder's is returned as it is."""
    for pattern, ours in _RENAMES:
        if re.match(pattern, official):
            return re.sub(f"^{pattern}", ours, official)
    return official


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official state dict under our names, with the tokeniser's convolution kernel as a matrix."""
    return {our_name(name): tokeniser_matrix(value) if _is_kernel(name) else value for name, value in state.items()}


def tokeniser_matrix(kernel: Tensor) -> Tensor:
    """Kernel (D, C, segment, 1) of the authors' convolution as our matrix (D, segment*C)."""
    return kernel.squeeze(-1).transpose(1, 2).flatten(1)


def _is_kernel(name: str) -> bool:
    return name == "joints_embed.proj.weight"
