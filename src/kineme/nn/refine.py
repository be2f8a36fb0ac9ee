"""AgRNet's refinement: a dense auto-encoder that compresses finished features (spec-agrnet §4.8)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

NARROWEST = 16
"""A code of fewer numbers leaves too few directions to tell classes by their angle."""


def refinement_widths(width: int) -> tuple[int, ...]:
    """Layer widths D, D/2, D/4 and D/8, as published for D = 4096; ours for others, and not below 16, or D itself."""
    narrowest = min(width, NARROWEST)
    return tuple(max(width // share, narrowest) for share in (1, 2, 4, 8))


class RefinementAutoEncoder(nn.Module):
    """Dense layers down to a code and back, tanh after all but the last.

    Args:
        widths: of the features, the layers between, and the code; the way back has the same in reverse order.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.decoder = _dense(widths), _dense(widths[::-1])
        self.decoder.pop(len(self.decoder) - 1)  # the last tanh

    def code(self, features: Tensor) -> Tensor:
        """Code (N, widths[-1]) of features (N, widths[0])."""
        return self.encoder(features)

    def forward(self, features: Tensor) -> Tensor:
        """Reconstruction of features (N, widths[0])."""
        return self.decoder(self.code(features))


def _dense(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with a tanh after each; Glorot-uniform kernels and zero biases, as the authors' framework has."""
    layers = nn.Sequential()
    for before, after in pairwise(widths):
        linear = nn.Linear(before, after)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers.extend((linear, nn.Tanh()))
    return layers
