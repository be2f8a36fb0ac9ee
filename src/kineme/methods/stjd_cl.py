"""STJD-CL: momentum contrast of a clip and its prime joints, where the joint density changes.

Gunasekara et al., "Spatio-Temporal Joint Density Driven Learning for Skeleton-Based Action Recognition", IEEE T-BIOM
2025. No code of it is public: this is the reading of spec-stjd §3, and what the paper leaves open is a setting.
"""

import logging
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.errors import ConfigError
from kineme.losses.contrast import contrast_logits, info_nce
from kineme.losses.reverse_contrast import hard_negative, margin_contrast, reverse_contrast
from kineme.losses.similarity_mining import MiningConfig, mined_divergence
from kineme.methods.base import Progress, StepOutput, methods
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast
from kineme.nn.density import DensityConfig, JointDensity
from kineme.nn.heads import pooled
from kineme.nn.moco import follow
from kineme.nn.prime_joints import PrimeConfig, prime_mask
from kineme.nn.prime_pooling import has_cells, mix_cells, prime_pooling, resize_mask
from kineme.nn.processes import num_processes, total
from kineme.nn.stgcn import init_moco
from kineme.transforms.base import Draws
from kineme.transforms.settings import Share
from kineme.transforms.spatial import Swap

logger = logging.getLogger(__name__)

Loss = Literal["contrast", "reverse"]
_MANY_CHANNELS = 64


class STJDCLConfig(MomentumConfig):
    """Settings of STJD-CL."""

    name: str = "stjd_cl"
    queue_size: Annotated[int, Field(ge=1)] = 65536
    density: DensityConfig = DensityConfig()
    """The measure; its parameters learn where ``prime.grad`` lets them."""
    density_space: Literal["feature", "coordinate"] = "feature"
    """Measure the density of the key encoder's features, or of the joints themselves (``density.h_init`` 0.25 then
    suits metres)."""
    density_lr: Annotated[float, Field(gt=0)] = 0.1
    """Factor on the learning rate of the density's parameters."""
    prime: PrimeConfig = PrimeConfig()
    """Which cells are prime."""
    presence_gate: bool = True
    """Bodies that are absent have no prime joint."""
    grad_from: tuple[Loss, ...] = ("contrast", "reverse")
    """Losses that teach the density."""
    mask_from: Literal["key", "query"] = "key"
    """View whose prime joints the query keeps: the key's, or the milder one of its own, at the cost of one more
    pass. The key's fits only where all views show the same frames."""
    mask_resize: Literal["linear", "nearest"] = "linear"
    """How the mask goes from the encoder's slots to frames."""
    swap: Share = 0.5
    """Share of the query's clips with left and right joints exchanged, mask included."""
    empty_policy: Literal["global", "zero"] = "global"
    """What stands for the prime joints of a body that has none: the mean of all joints, or zero."""
    key_dropout: bool = True
    """The key encoder drops features in training, as those of the whole family do; which joints are prime is then
    partly chance."""
    key_global_mix: Share = 0.0
    """Share of the mean of all joints in the key; the rest is that of the prime ones."""
    separate_gp: bool = False
    """The non-prime vector has a projector of its own, which follows the same one."""
    objective: Literal["infonce", "actclr_kl"] = "infonce"
    """What draws a query to its key: their contrast with the queue, or ActCLR's divergence of their similarities to it,
    with the settings of ``mining``."""
    mining: MiningConfig = MiningConfig()
    rcl_type: Literal["reverse", "hard_negative", "margin"] = "reverse"
    """Loss between prime and non-prime joints; ``hard_negative`` is one of the query, whatever ``rcl_anchor``."""
    rcl_anchor: Literal["zk", "zq"] = "zk"
    """What the non-prime vector is pushed away from: the key, or the query."""
    rcl_weight: Annotated[float, Field(ge=0)] = 1.0
    rcl_margin: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Largest cosine without loss, of ``margin``."""


@methods.register("stjd_cl")
class STJDCL(MomentumContrast):
    """Three views: strong and normal, of which the query is mixed, and the key's.

    Args:
        config: settings; combinations that cannot have an effect are logged as warnings.
        encoder: any that gives a feature to every joint.

    Raises:
        ConfigError: an encoder that leaves joints out.
    """

    Config: ClassVar = STJDCLConfig
    num_views: ClassVar[int] = 3

    def __init__(self, config: STJDCLConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        if encoder.joints != encoder.layout.num_joints:
            raise ConfigError(
                f"{config.name} tells prime joints by a feature of each; {type(encoder).__name__} has features of "
                f"{encoder.joints} of {encoder.layout.num_joints} joints: choose another --encoder"
            )
        self.config, self.swap = config, Swap(config.swap)
        if not config.key_dropout:
            _without_dropout(self.key_encoder)
        channels = encoder.width if config.density_space == "feature" else encoder.channels
        self.density = JointDensity(config.density, encoder.joints, channels)
        if config.prime.grad == "none" or not config.grad_from:
            self.density.requires_grad_(False)
        self.nonprime_projector = deepcopy(self.key_projector) if config.separate_gp else None
        if self.nonprime_projector is not None and config.independent_key_init:
            init_moco(self.nonprime_projector)
        for remark in _useless(config, channels):
            logger.warning("%s: %s", config.name, remark)

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """``swapped`` (B,) bool."""
        return self.swap.sample(views[0], generator)

    def own_rate(self, parameter: str) -> float | None:
        """The density's parameters learn more slowly and do not decay."""
        return self.config.density_lr if parameter.startswith("density.") else None

    def follow(self) -> None:
        super().follow()
        if self.training and self.nonprime_projector is not None:
            follow(self.nonprime_projector, self.projector, self.config.momentum)

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        strong, normal, key_view = views
        self.follow()
        features = self.key_features(key_view)
        mask = self.detect(key_view, features)
        keep = mask if self.config.mask_from == "key" else self.detect(normal, self.key_features(normal))
        query_view = self.swap.apply(self.mixed(strong, normal, keep.detach()), draws)
        query = self.query(self.encoder.features(query_view))
        prime, nonprime = self.keys(features, mask)
        contrast, reverse = self.losses(query, prime, nonprime, has_cells(mask).any(dim=1))
        self.remember(prime)
        return StepOutput(
            loss=contrast + self.config.rcl_weight * reverse,
            logs={"contrast": contrast.detach(), "reverse": reverse.detach(), "prime": mask.detach().mean()},
            artefacts={"prime": mask.detach(), "query_view": query_view.xyz},
        )

    @torch.no_grad()
    def key_features(self, view: ClipBatch) -> Tensor:
        """Features (B, M, S, V, D) by the key encoder."""
        return self.key_encoder.features(view)

    def detect(self, view: ClipBatch, features: Tensor) -> Tensor:
        """Mask (B, M, S, V) of the prime joints of a view; its gradient reaches the density alone."""
        points = features if self.config.density_space == "feature" else _middle_frames(view.xyz, features.shape[2])
        seen = view.present.any(dim=2) if self.config.presence_gate else torch.ones_like(view.present[:, :, 0])
        of_seen = prime_mask(self.density(points[seen]), self.config.prime)  # the density takes most of a step
        return of_seen.new_zeros(points.shape[:-1]).masked_scatter(seen[:, :, None, None], of_seen)

    def mixed(self, strong: ClipBatch, normal: ClipBatch, mask: Tensor) -> ClipBatch:
        """The normal view where joints are prime and the strong one elsewhere."""
        mask = resize_mask(mask, normal.xyz.shape[2], self.config.mask_resize)
        return normal.with_xyz(mix_cells(normal.xyz, strong.xyz, mask))

    def keys(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors (B, D') of the prime joints and of the others; they lead back to the mask."""
        prime, nonprime = (each.mean(dim=1) for each in prime_pooling(features, mask, self.config.empty_policy))
        key, share = self.key_projector(prime), self.config.key_global_mix
        if share:
            key = key.lerp(self.key_projector(pooled(features).to(prime)), weight=share)
        project = self.key_projector if self.nonprime_projector is None else self.nonprime_projector
        return F.normalize(key, dim=1), F.normalize(project(nonprime), dim=1)

    def losses(self, query: Tensor, prime: Tensor, nonprime: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Contrast of query and key, and the loss of the non-prime joints over the clips that count: (B,) bool.

        Where several processes share a batch, the latter is scaled so that its mean over them is that over all clips
        that count, of whichever process.
        """
        queue = self.queue.keys.clone()
        (key,) = self.teaching("contrast", prime)
        if self.config.objective == "infonce":
            contrast = info_nce(contrast_logits(query, key, queue, self.config.temperature))
        else:
            contrast = mined_divergence(query, key, queue, self.config.mining)
        prime, nonprime = self.teaching("reverse", prime, nonprime)
        per_clip = self.reverse(query, prime, nonprime, queue)
        return contrast, num_processes() * (per_clip * counts).sum() / total(counts.sum()).clamp(min=1)

    def reverse(self, query: Tensor, prime: Tensor, nonprime: Tensor, queue: Tensor) -> Tensor:
        """(B,) loss of the chosen type."""
        anchor = query if self.config.rcl_anchor == "zq" else prime
        if self.config.rcl_type == "margin":
            return margin_contrast(anchor, nonprime, self.config.rcl_margin)
        if self.config.rcl_type == "hard_negative":
            return hard_negative(query, prime, nonprime, queue, self.config.temperature)
        return reverse_contrast(anchor, nonprime, queue, self.config.temperature)

    def teaching(self, loss: Loss, *keys: Tensor) -> tuple[Tensor, ...]:
        """Keys as a loss sees them: constants where it is not to teach the density."""
        return keys if loss in self.config.grad_from else tuple(key.detach() for key in keys)


def _without_dropout(network: nn.Module) -> None:
    """Let nothing be dropped, whether in training or not."""
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0


def _middle_frames(xyz: Tensor, slots: int) -> Tensor:
    """The frame in the middle of every slot: (B, M, T, V, C) to (B, M, S, V, C)."""
    T = xyz.shape[2]
    return xyz[:, :, (2 * torch.arange(slots, device=xyz.device) + 1) * T // (2 * slots)]


def _useless(config: STJDCLConfig, channels: int) -> Iterator[str]:
    """What of the settings cannot have an effect."""
    learns = config.density.trainable and config.prime.grad != "none" and "reverse" in config.grad_from
    on_keys = config.rcl_anchor == "zk" and config.rcl_type != "hard_negative"
    if on_keys and config.rcl_weight and not learns:
        yield "with rcl_anchor zk the reverse contrast is a constant where no density learns from it; set rcl_anchor zq"
    if config.separate_gp and not config.independent_key_init:
        yield "separate_gp gives two projectors that stay alike; set independent_key_init, or leave it out"
    width = config.density.proj_channels or channels
    if config.density.channel_reduce == "prod" and width >= _MANY_CHANNELS:
        yield f"a product over {width} channels vanishes, no joint becomes prime; set density.proj_channels 16"
