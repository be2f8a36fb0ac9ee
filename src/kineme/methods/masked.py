"""Masked prediction: encode the visible tokens, decode and score the hidden ones (spec-masked §3.1).

MAE and MAMP differ in what they predict and in which tokens they hide; everything else is here.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.skeleton_transformer import SkeletonTransformer
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.losses.masked import normalisers, token_error
from kineme.methods.base import Method, MethodConfig, Progress, StepOutput
from kineme.methods.token_decoder import TokenDecoder
from kineme.nn.bodies import present_bodies, sampled_bodies
from kineme.nn.shared_attention import shared_attention
from kineme.nn.tokens import positions_where, put_tokens, take_tokens, to_segments
from kineme.nn.transformer import Block
from kineme.transforms.base import Draws, uniform


class MaskedConfig(MethodConfig):
    """Settings that all masked methods share; defaults are MAMP's on NTU."""

    mask_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of tokens hidden from the encoder."""
    decoder_width: Positive = 256
    decoder_depth: Positive = 3
    decoder_heads: Positive = 8
    norm_target: Literal["token", "clip", "none"] = "token"
    """Scale targets: ``token``, each to mean 0 and variance 1, as published; ``clip``, all of a body by their root mean
    square, which keeps still joints still; or not at all."""
    bodies: Literal["all", "real", "sampled"] = "all"
    """Bodies that count in training: ``all``, also those that a clip does not have, as published; ``real`` ones alone,
    another loss, because nothing is predicted perfectly by predicting nothing; or these and a random share of the
    others (``sampled``), which is on average the gradient of all. The last two cost one synchronisation."""
    absent_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Of the bodies that a clip does not have, how many are computed where they are sampled."""


def keep_count(num_tokens: int, mask_ratio: float) -> int:
    """Visible tokens; in double precision as published, so 74 of 750 at 0.9 (spec-masked §3.1.2)."""
    return int(num_tokens * (1 - mask_ratio))


class Decoder(TokenDecoder):
    """Visible tokens back at their positions, mask tokens elsewhere."""

    def place(self, latent: Tensor, where: Tensor) -> Tensor:
        """Decoder input: (B, K, D) latent at its positions (B, K), mask tokens elsewhere; (B, L, D')."""
        hidden, visible = self.tokens(latent, where)
        return put_tokens(hidden.expand(len(visible), -1, -1), where, visible)

    def tokens(self, latent: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden tokens (1, L, D') of all places, and visible ones (B, K, D') of theirs, with positions."""
        visible, positions = self.embed(latent), self.positions()
        return (self.mask_token + positions).to(visible.dtype), visible + positions[0][where].to(visible.dtype)

    def forward(self, latent: Tensor, where: Tensor, wanted: Tensor | None = None) -> Tensor:
        """As of every decoder; the first of several blocks runs hidden tokens, which are all alike, once."""
        first, *others = self.blocks
        # Elsewhere fused attention is faster, and in lower precision more exact.
        if not others or latent.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(latent, where, wanted)
        assert isinstance(first, Block)
        hidden, visible = self.tokens(latent, where)
        attended = shared_attention(first.attn, first.norm1(hidden), first.norm1(visible), where)
        tokens = put_tokens(hidden.expand(len(visible), -1, -1), where, visible)
        return self.predict_from(first.add_mlp(tokens + attended), others, wanted)


class MaskedPrediction(Method):
    """Base of MAE and MAMP.

    Args:
        config: mask ratio and decoder sizes.
        encoder: a `SkeletonTransformer`.

    Raises:
        ConfigError: another encoder, or a mask that leaves nothing visible.
    """

    Config: ClassVar[type[MethodConfig]] = MaskedConfig

    def __init__(self, config: MaskedConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if not isinstance(encoder, SkeletonTransformer):
            raise ConfigError(f"{config.name} masks tokens of a skeleton_transformer, not of {type(encoder).__name__}")
        self.encoder: SkeletonTransformer = encoder
        self.config = config
        self.num_visible = keep_count(encoder.num_tokens, config.mask_ratio)
        if not self.num_visible:
            raise ConfigError(f"mask_ratio {config.mask_ratio} hides all of {encoder.num_tokens} tokens")
        sizes = (config.decoder_width, config.decoder_depth, config.decoder_heads)
        self.decoder = Decoder(encoder, encoder.config.mlp_ratio, *sizes)

    def target(self, x: Tensor) -> Tensor:
        """What is predicted, in the shape of the input (B, T, V, C)."""
        raise NotImplementedError

    def mask_key(self, segments: Tensor, uniform: Tensor) -> Tensor:
        """(B, L) keys; the tokens with the smallest stay visible.

        Args:
            segments: (B, L, segment*C).
            uniform: (B, L) draws from U(0, 1).
        """
        raise NotImplementedError

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """``mask`` (B*M, L), U(0, 1); and ``absent`` (B*M,), where absent bodies are sampled."""
        sequences = views[0].xyz.flatten(0, 1)
        draws = {"mask": uniform((len(sequences), self.encoder.num_tokens), 0, 1, generator, sequences)}
        if self.config.bodies == "sampled":
            draws["absent"] = uniform((len(sequences),), 0, 1, generator, sequences)
        return draws

    def counted(self, present: Tensor, draws: Draws) -> tuple[Tensor | slice, Tensor]:
        """Bodies that count in this step, as rows of (B*M, ...), and the weights (N,) of their losses.

        Args:
            present: (B, M, T) bool.
            draws: see `sample`.
        """
        if self.config.bodies == "sampled" and self.training:
            return sampled_bodies(present, self.config.absent_share, draws["absent"])
        everyone = self.config.bodies == "all" or not self.training
        rows = slice(None) if everyone else present_bodies(present)
        mask = draws["mask"][rows]
        return rows, mask.new_full((len(mask),), 1 / len(mask))

    @torch.no_grad()
    def visible(self, segments: Tensor, uniform: Tensor) -> Tensor:
        """(B, K) int64 positions of the visible tokens, by ascending key."""
        key = self.mask_key(segments, uniform)
        return key.topk(self.num_visible, dim=1, largest=False).indices

    @torch.no_grad()
    def target_tokens(self, x: Tensor) -> Tensor:
        """(B, L, segment*C) targets of sequences (B, T, V, C)."""
        target = to_segments(self.target(x), self.encoder.config.segment)
        return normalisers[self.config.norm_target](target)

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        """Loss of one batch.

        Artefacts are of the N = B*M bodies, or of those that count: ``visible`` (N, K) positions of the tokens that the
        encoder reads; ``masked`` (N, L), 1 where a token is hidden and 0 elsewhere; ``target`` (N, L, segment*C);
        ``prediction`` (N, L, segment*C), 0 where none is made.
        """
        (batch,) = views
        rows, weight = self.counted(batch.present, draws)
        sequences = self.encoder.sequences(batch)[rows]
        segments = to_segments(sequences, self.encoder.config.segment)
        visible = self.visible(segments, draws["mask"][rows])
        masked = torch.ones_like(segments[..., 0]).scatter(1, visible, 0.0)
        hidden = positions_where(masked.bool(), masked.shape[1] - self.num_visible)
        latent = self.encoder.encode(self.encoder.embed(segments, visible))
        prediction = self.decoder(latent, visible, hidden)
        target = self.target_tokens(sequences)
        return StepOutput(
            loss=(token_error(prediction, take_tokens(target, hidden)).mean(dim=1) * weight).sum(),
            artefacts={
                "visible": visible,
                "masked": masked,
                "prediction": put_tokens(prediction.new_zeros(target.shape), hidden, prediction.detach()),
                "target": target,
            },
        )
