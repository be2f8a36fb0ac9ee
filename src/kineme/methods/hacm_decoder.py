"""HA-CM's decoder: each place takes one of the encoded tokens, or the mask token (spec-masked §5.5)."""

import torch
from torch import Tensor

from kineme.methods.token_decoder import TokenDecoder
from kineme.nn.tokens import take_tokens


class BallDecoder(TokenDecoder):
    """Encoded tokens wherever they are sent, several times or never."""

    def place(self, latent: Tensor, where: Tensor) -> Tensor:
        """Decoder input: (B, K, D) latent, of which ``where`` (B, L) says who stands where, K for the mask token.

        Returns:
            (B, L, D').
        """
        tokens = self.embed(latent)
        bank = torch.cat([tokens, self.mask_token.to(tokens.dtype).expand(len(tokens), -1, -1)], dim=1)
        return take_tokens(bank, where) + self.positions()
