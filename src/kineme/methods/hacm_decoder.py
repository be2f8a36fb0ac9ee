"""HA-CM's decoder: each place takes one of the encoded tokens, or the mask token (spec-masked §5.5)."""

import torch
from torch import Tensor, nn

from kineme.encoders.ball_transformer import BallTransformer
from kineme.nn.tokens import Positions, take_tokens
from kineme.nn.transformer import Block, init_linear


class BallDecoder(nn.Module):
    """Encoded and mask tokens, a few blocks, one prediction per token.

    Args:
        encoder: gives the token grid and its own sizes.
        width: D'.
        depth: blocks.
        heads: attention heads; must divide D'.
    """

    def __init__(self, encoder: BallTransformer, width: int, depth: int, heads: int) -> None:
        super().__init__()
        sizes = encoder.config
        self.embed = nn.Linear(sizes.width, width)
        self.mask_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = Positions(encoder.slots, encoder.joints, width)
        self.blocks = nn.ModuleList(Block(width, heads, sizes.mlp_ratio) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.predict = nn.Linear(width, sizes.segment * encoder.channels)
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        init_linear(self)

    def place(self, latent: Tensor, source: Tensor) -> Tensor:
        """Decoder input: (B, K, D) latent, of which ``source`` (B, L) says who stands where, K for the mask token.

        Returns:
            (B, L, D').
        """
        tokens = self.embed(latent)
        bank = torch.cat([tokens, self.mask_token.to(tokens.dtype).expand(len(tokens), -1, -1)], dim=1)
        return take_tokens(bank, source) + self.positions()

    def forward(self, latent: Tensor, source: Tensor) -> Tensor:
        """Predictions of all tokens: (B, L, segment*C)."""
        tokens = self.place(latent, source)
        for block in self.blocks:
            tokens = block(tokens)
        return self.predict(self.norm(tokens))
