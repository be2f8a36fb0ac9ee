"""What the decoders of masked methods share: tokens placed on the grid, a few blocks, one prediction per token."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from kineme.encoders.token_encoder import TokenEncoder
from kineme.errors import ConfigError
from kineme.nn.tokens import Positions
from kineme.nn.transformer import Block, init_linear


class TokenDecoder(nn.Module):
    """Base of the decoders; they differ in how encoded tokens find their places.

    Args:
        encoder: gives the token grid and the sizes of a token.
        mlp_ratio: of the blocks.
        width: D'.
        depth: blocks.
        heads: attention heads.

    Raises:
        ConfigError: heads that do not divide the width.
    """

    def __init__(self, encoder: TokenEncoder, mlp_ratio: float, width: int, depth: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"method.decoder_width {width} is not a multiple of decoder_heads {heads}")
        self.embed = nn.Linear(encoder.tokeniser.out_features, width)
        self.mask_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = Positions(encoder.slots, encoder.joints, width)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.predict = nn.Linear(width, encoder.tokeniser.in_features)
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        init_linear(self)

    def place(self, latent: Tensor, where: Tensor) -> Tensor:
        """Decoder input (B, L, D') from encoded tokens (B, K, D), with positions."""
        raise NotImplementedError

    def forward(self, latent: Tensor, where: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Predictions of all tokens, or of some: then the last block skips the others but for being attended to.

        Args:
            latent: (B, K, D) encoded tokens.
            where: (B, K) or (B, L) int64, see `place`.
            wanted: (B, Q) int64 positions of the tokens to predict; all where None.

        Returns:
            (B, L, segment*C) or (B, Q, segment*C).
        """
        return self.predict_from(self.place(latent, where), self.blocks, wanted)

    def predict_from(self, tokens: Tensor, blocks: Iterable[nn.Module], wanted: Tensor | None) -> Tensor:
        """The rest of `forward`, from the input (B, L, D') of some blocks."""
        *before, last = blocks
        for block in before:
            tokens = block(tokens)
        return self.predict(self.norm(last(tokens, wanted)))
