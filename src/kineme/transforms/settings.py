"""Typed descriptions of how clips reach a model: what training and evaluation share, and what training adds."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kineme.config import Config

Fraction = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Angle = Annotated[float, Field(ge=0, le=3.1416)]


class Preparation(Config):
    """Shared by training and evaluation."""

    window: Annotated[int, Field(ge=1)] = 120
    """T: frames that a clip is resized to."""
    resize: Literal["linear", "stride"] = "linear"
    """``linear``: the part of a clip that a crop keeps, interpolated. ``stride``: whole clips, every (T // window)-th
    frame, zeros at the end of shorter ones; there are no crops then, so `test_keep` and `Augmentation.keep` do
    nothing."""
    bodies: Annotated[int, Field(ge=1)] = 2
    """M: body slots per clip."""
    centre: bool = True
    """Subtract the first body's origin in its first frame."""
    yaw: bool = False
    """Turn the first body to face the viewer in its first frame."""
    align: bool = False
    """Bring the first body's root to zero, its spine and its breadth to the axes, in its first frame; takes the place
    of `centre`."""
    scale: Literal["metres", "minmax"] = "metres"
    """``metres``: as recorded, in the layout's unit. ``minmax``: every axis of a clip from -1 to 1."""
    count_seen: bool = False
    """A clip ends after as many frames as its first body is seen in."""
    root_relative: bool = False
    """Subtract the root of the bone tree from every joint, per body and frame."""
    yaw_per_frame: bool = False
    """Turn every body to face the viewer in every frame."""
    stream: Literal["joint", "bone", "motion", "bone_motion"] = "joint"
    """What the model reads."""
    test_keep: Fraction = 0.95
    """Central fraction of a clip that evaluation looks at."""

    @model_validator(mode="after")
    def _poses_fit(self) -> Self:
        if self.align and (self.yaw or self.yaw_per_frame):
            raise ValueError("align turns bodies about all axes; switch off yaw and yaw_per_frame, or align")
        if self.scale == "minmax" and (self.root_relative or self.yaw_per_frame):
            raise ValueError(
                "scale minmax comes before root_relative and yaw_per_frame, which would leave its bounds; switch them "
                "off, or set scale to metres"
            )
        return self


class Phase(Config):
    """Part of a training in which some of a view's augmentations are active."""

    until_epoch: Annotated[int, Field(ge=1)]
    """The phase lasts until so many epochs are done; the last phase lasts until the end."""
    choose: Annotated[int, Field(ge=0)] | None = None
    """How many augmentations are active, drawn anew in every epoch; all where None."""
    base: bool = True
    """Whether the crop with reflected ends and the shear are active, which are not drawn."""


class Augmentation(Config):
    """One training view, made in the order of this list; by itself only the crop and the rotation are on."""

    keep: tuple[Fraction, Fraction] = (0.5, 1.0)
    """Interval of the fraction of a clip that a crop keeps; clips stay whole where `Preparation.resize` is stride."""
    min_frames: Annotated[int, Field(ge=1)] = 64
    """A crop keeps at least so many frames, or the whole clip where it is shorter."""
    mirror: Share = 0.0
    """Share of clips with left and right exchanged."""
    rotation: tuple[Angle, Angle, Angle] = (0.3, 0.3, 0.3)
    """Largest random angle about x, y and z, radians."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Random change of body size, as a fraction."""
    reflect: Annotated[int, Field(ge=0)] = 0
    """Crop of the window from one lengthened by a reflected T // reflect frames at both ends; 0 is off."""
    shear: Annotated[float, Field(ge=0)] = 0.0
    """Largest share of one axis that is added to another."""
    shear_keep_root: bool = False
    """The root joint stays where it is under shear."""
    swap: Share = 0.0
    """Share of clips with left and right joints exchanged and no coordinate mirrored; `mirror` does both."""
    main_rotation: tuple[Angle, Angle] = (0.0, 0.0)
    """Largest angle about one axis, drawn per clip, and about the others, radians; never negative."""
    noise: Share = 0.0
    """Share of clips with noise on every coordinate."""
    noise_std: Annotated[float, Field(gt=0)] = 0.01
    """Standard deviation of the noise, in the layout's unit."""
    blur: Share = 0.0
    """Share of clips that are blurred along time."""
    blur_normalise: bool = False
    """The blur's weights add up to one; as published they do not, and a blurred clip is up to five times larger."""
    axis_mask: Share = 0.0
    """Share of clips with one coordinate axis set to zero."""
    temporal_flip: Share = 0.0
    """Share of clips that run backwards."""
    dropout: Share = 0.0
    """Share of clips with coordinates dropped."""
    dropout_rate: Share = 0.5
    """Share of the coordinates that are dropped."""
    stretch: Share = 0.0
    """Share of clips played at 2/3 to 2 times their speed, cut or filled with zeros at the end."""
    rescale: Annotated[float, Field(ge=0)] = 0.0
    """Every bone is multiplied by a draw between 0 and this; 0 is off."""
    schedule: tuple[Phase, ...] = ()
    """Phases that switch some of the augmentations off; see `kineme.transforms.schedule`."""

    @property
    def drawable(self) -> tuple[str, ...]:
        """Augmentations that are on and that a phase draws from, in the order in which they are applied."""
        return tuple(name for name in _DRAWABLE if _is_on(getattr(self, name)))

    @property
    def active(self) -> tuple[str, ...]:
        """All augmentations that are on."""
        return tuple(name for name in (*BASE, *_DRAWABLE) if _is_on(getattr(self, name)))

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        ends = [phase.until_epoch for phase in self.schedule]
        if ends != sorted(set(ends)):
            raise ValueError(f"schedule: phases must end one after the other, found {ends}")
        for phase in self.schedule:
            if (phase.choose or 0) > len(self.drawable):
                raise ValueError(
                    f"schedule: the phase until epoch {phase.until_epoch} chooses {phase.choose} augmentations, "
                    f"and {len(self.drawable)} are on ({', '.join(self.drawable) or 'none'}); give it a smaller choose"
                )
        return self


BASE = ("reflect", "shear")
"""Augmentations that a phase switches together, not by drawing."""
_DRAWABLE = (
    "mirror",
    "rotation",
    "scale",
    "swap",
    "main_rotation",
    "noise",
    "blur",
    "axis_mask",
    "temporal_flip",
    "dropout",
    "stretch",
    "rescale",
)


def _is_on(strength: float | Sequence[float]) -> bool:
    return any(strength) if isinstance(strength, Sequence) else bool(strength)
