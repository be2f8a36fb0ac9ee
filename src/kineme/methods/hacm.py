"""HA-CM: two groups of tokens masked by two criteria, motion in the Poincaré ball predicted, both groups contrasted.

Yin and Cao, "Spatial Hierarchy and Temporal Attention Guided Cross Masking for Self-supervised Skeleton-based Action
Recognition", arXiv 2409.17951, 2024. Where the paper and the authors' code differ, this is the code; it mixes up the
order of tokens, which is kept in `layout` "reference" alone (spec-masked §5, §6).
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.ball_transformer import BallTransformer
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.losses.cross_contrast import cross_contrast
from kineme.losses.masked import normalise_tokens, token_error
from kineme.methods.base import Method, MethodConfig, Progress, StepOutput, methods
from kineme.methods.hacm_criteria import AttentionOver, TemporalAttention, joint_hierarchy, ranks
from kineme.methods.hacm_decoder import BallDecoder
from kineme.methods.hacm_groups import Arrangement, decoder_source, even_then_odd, flat_scores, flat_tokens
from kineme.nn.bodies import present_bodies
from kineme.nn.tokens import positions_where, put_tokens, take_tokens, to_segments
from kineme.transforms.base import Draws, uniform
from kineme.transforms.streams import displacement

ContrastTerm = Literal["odd-all", "even-all", "even-odd"]
Weight = Annotated[float, Field(ge=0)]


class HACMConfig(MethodConfig):
    """Settings of HA-CM."""

    name: str = "hacm"
    layout: Arrangement = "aligned"
    """``aligned``: masks guide the tokens that were scored; ``reference``: the authors' code, its mix-ups included."""
    keep_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of each group's tokens that stays visible."""
    score_tau: Annotated[float, Field(gt=0)] = 0.9
    """Temperature of both criteria; lower keeps high scores visible more often."""
    father_weight: Weight = 0.01
    """Weight of the distance to the trunk in the joints' hierarchy."""
    attention_over: AttentionOver = "joints"
    """Softmax of the temporal criterion, over ``joints`` as published, or over ``slots``."""
    ball_target: bool = True
    """Predict motion vectors mapped to the ball, or as they are."""
    contrast_terms: tuple[ContrastTerm, ...] = ("odd-all", "even-all", "even-odd")
    """Pairs of views that are contrasted; the paper's figure lacks the last one."""
    contrast_weight: Weight = 1.0
    prediction_weight: Weight = 1.0
    bodies: Literal["all", "real"] = "all"
    """Bodies that count in training: ``all``, also those that a clip does not have, as published, which all look the
    same to the contrast; or ``real`` ones alone. The latter costs one synchronisation with the device."""
    decoder_width: Positive = 256
    decoder_depth: Positive = 3
    decoder_heads: Positive = 8


@methods.register("hacm")
class HACM(Method):
    """Masks guided by the joints' hierarchy in odd slots and by attention in even ones.

    Args:
        config: settings.
        encoder: a `BallTransformer`.

    Raises:
        ConfigError: another encoder, an odd number of slots, a mask that leaves nothing visible, or sizes that do not
            fit together.
    """

    Config: ClassVar[type[MethodConfig]] = HACMConfig

    def __init__(self, config: HACMConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if not isinstance(encoder, BallTransformer):
            raise ConfigError(f"{config.name} masks tokens of a ball_transformer, not of {type(encoder).__name__}")
        if encoder.slots % 2:
            raise ConfigError(f"{config.name} halves the slots; {encoder.window} frames are {encoder.slots} of them")
        self.encoder: BallTransformer = encoder
        self.config = config
        self.group_size = encoder.slots // 2 * encoder.joints
        self.num_visible = int(config.keep_fraction * self.group_size)
        if not self.num_visible:
            raise ConfigError(f"keep_fraction {config.keep_fraction} hides all of {self.group_size} tokens")
        self.temporal = TemporalAttention(encoder.config.width, config.attention_over)
        sizes = (config.decoder_width, config.decoder_depth, config.decoder_heads)
        self.decoder = BallDecoder(encoder, encoder.config.mlp_ratio, *sizes)

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """``even`` and ``odd`` (B*M, G), U(0, 1): one per token of each group."""
        sequences = views[0].xyz.flatten(0, 1)
        shape = (len(sequences), self.group_size)
        return {group: uniform(shape, 0, 1, generator, sequences) for group in ("even", "odd")}

    @torch.no_grad()
    def scores(self, sequences: Tensor, tokens: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Criteria of both groups; tokens with high scores rather stay visible.

        Args:
            sequences: (B, T, V, C).
            tokens: (B, S, V', D) with positions.
            points: the same in the ball.

        Returns:
            Twice (B, G).
        """
        (even, _), (_, odd) = even_then_odd(tokens), even_then_odd(points)
        _, pruned = even_then_odd(self.encoder.to_ball(self.encoder.pruned_tokens(sequences)))
        hierarchy = joint_hierarchy(odd, pruned, self.config.father_weight)
        return flat_scores(self.temporal(even), hierarchy, self.config.layout)

    @torch.no_grad()
    def ranks(self, sequences: Tensor, tokens: Tensor, points: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Ranks of both groups' tokens, twice (B, G), those below K visible; the arguments are those of `scores`."""
        even, odd = self.scores(sequences, tokens, points)
        tau = self.config.score_tau
        return ranks(even, tau, draws["even"]), ranks(odd, tau, draws["odd"])

    def visible(self, points: Tensor, rank: tuple[Tensor, Tensor]) -> Tensor:
        """Visible tokens (B, 2 * K, D) of points (B, S, V', D), both groups in the order of their ranks (B, G)."""
        groups = flat_tokens(*even_then_odd(points), self.config.layout)
        keep = self.num_visible
        places = [each.topk(keep, dim=1, largest=False).indices for each in rank]
        return torch.cat([take_tokens(*pair) for pair in zip(groups, places, strict=True)], dim=1)

    @torch.no_grad()
    def target_tokens(self, sequences: Tensor) -> Tensor:
        """What is predicted, even slots first: (B, T, V, C) to (B, 2 * G, segment*C)."""
        return normalise_tokens(self.raw_target(sequences))

    def raw_target(self, sequences: Tensor) -> Tensor:
        """`target_tokens` before they are normalised."""
        motion = displacement(sequences[:, :, self.encoder.kept], stride=1, time_axis=1)
        motion = self.encoder.to_ball(motion) if self.config.ball_target else motion
        tokens = to_segments(motion, self.encoder.config.segment).unflatten(1, (self.encoder.slots, -1))
        return torch.cat(even_then_odd(tokens), dim=1).flatten(1, 2)

    def contrast_terms(self, latent: Tensor) -> list[Tensor]:
        """Losses () of the configured pairs of views, of visible tokens (B, 2 * K, D)."""
        keep = self.num_visible
        parts = {"even": latent[:, :keep], "odd": latent[:, keep:], "all": latent}
        views = {name: tokens.float().mean(dim=1) for name, tokens in parts.items()}
        pairs = [term.split("-") for term in self.config.contrast_terms]
        return [cross_contrast(views[p], views[q]) for p, q in pairs]

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        """Loss of one batch.

        Artefacts are of the N = B*M bodies, or of those that count, even slots first: ``masked`` (N, 2 * G), 1 where a
        token is hidden and 0 elsewhere; ``target`` (N, 2 * G, segment*C); ``prediction`` of the same shape, 0 where
        none is made.
        """
        (batch,) = views
        config, keep = self.config, self.num_visible
        sequences = self.encoder.sequences(batch)
        if config.bodies == "real" and self.training:
            rows = present_bodies(batch.present)
            sequences, draws = sequences[rows], {name: draw[rows] for name, draw in draws.items()}
        tokens = self.encoder.tokens(sequences)
        points = self.encoder.to_ball(tokens)
        rank = self.ranks(sequences, tokens, points, draws)
        latent = self.encoder.encode(self.visible(points, rank))
        masked = torch.cat(rank, dim=1) >= keep
        hidden = positions_where(masked, 2 * (self.group_size - keep))
        prediction = self.decoder(latent, decoder_source(*rank, keep, config.layout), hidden)
        target = self.target_tokens(sequences)
        predicted = token_error(prediction, take_tokens(target, hidden)).mean()
        contrast = sum(self.contrast_terms(latent), start=torch.zeros_like(predicted))
        return StepOutput(
            loss=config.prediction_weight * predicted + config.contrast_weight * contrast,
            logs={"prediction": predicted.detach(), "contrast": contrast.detach()},
            artefacts={
                "masked": masked.to(target.dtype),
                "prediction": put_tokens(prediction.new_zeros(target.shape), hidden, prediction.detach()),
                "target": target,
            },
        )
