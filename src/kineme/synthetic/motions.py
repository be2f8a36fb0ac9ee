"""The classes: each motion is a list of poses in degrees and the seconds it takes to reach them.

A pose names the joints that matter, as (flexion, abduction, twist) in the senses of `kineme.synthetic.body`; the
others stay as the person happens to hold them. Thighs are given against the vertical, whatever the pelvis does.
Motions are written for the right hand; the performer may use the left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Pose = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Stroke:
    """One step of a motion.

    Args:
        seconds: time to reach the pose at ordinary speed.
        pose: where the stroke ends; joints not named return to how they are held at ease.
        forward: metres from the starting place at the stroke's end, along the line of sight.
        flight: both feet are off the floor on the way.
    """

    seconds: float
    pose: Pose
    forward: float = 0.0
    flight: bool = False


@dataclass(frozen=True)
class Motion:
    """One class: intro, cycle and outro between two poses at ease.

    Args:
        cycle: strokes done ``repeats`` (smallest, largest) times over.
        intro, outro: strokes done once, before and after.
        start, end: poses before and after the action; {} is standing at ease.
        partner: what a second person does meanwhile: as many strokes, in the same time.
        touches: the partner's joint that the right hand reaches.
    """

    cycle: tuple[Stroke, ...]
    repeats: tuple[int, int] = (1, 1)
    intro: tuple[Stroke, ...] = ()
    outro: tuple[Stroke, ...] = ()
    start: Pose = field(default_factory=dict)
    end: Pose = field(default_factory=dict)
    partner: "Motion | None" = None
    touches: str = ""

    def strokes(self, repeats: int) -> tuple[Stroke, ...]:
        """The whole action with the cycle repeated."""
        return self.intro + self.cycle * repeats + self.outro


def _both(joint: str, flexion: float, abduction: float = 0, twist: float = 0) -> Pose:
    return {f"{side}_{joint}": (flexion, abduction, twist) for side in ("left", "right")}


def _arm(flexion: float, abduction: float = 0, twist: float = 0, *, elbow: float, side: str = "right") -> Pose:
    return {f"{side}_shoulder": (flexion, abduction, twist), f"{side}_elbow": (elbow, 0, 0)}


def _arms(flexion: float, abduction: float = 0, twist: float = 0, *, elbow: float) -> Pose:
    return {
        **_arm(flexion, abduction, twist, elbow=elbow),
        **_arm(flexion, abduction, twist, elbow=elbow, side="left"),
    }


def _trunk(lean: float, turn: float = 0) -> Pose:
    return {
        "spine_base": (0.45 * lean, 0, 0),
        "spine_mid": (0.35 * lean, 0, 0.6 * turn),
        "spine_shoulder": (0.2 * lean, 0, 0.4 * turn),
    }


def _legs(hip: float, knee: float) -> Pose:
    return {**_both("hip", hip), **_both("knee", knee)}


def _leg(hip: float, knee: float, side: str = "right") -> Pose:
    return {f"{side}_hip": (hip, 4, 0), f"{side}_knee": (knee, 0, 0)}


AT_EASE: Pose = {**_arms(2, 8, 5, elbow=14), **_both("hip", 1, 4, -8), **_both("knee", 3)}
"""Standing with hanging arms."""

HELD_ARMS: tuple[Pose, ...] = (
    _arm(-15, 35, 45, elbow=85),  # hand on the hip
    _arm(35, 5, 50, elbow=95),  # hand on the belly
    _arm(20, 10, 0, elbow=85),  # holding something
    _arm(-5, 15, 10, elbow=35),  # hand in the pocket
)
"""Ways of holding an arm that has nothing to do."""

_SEATED: Pose = {**_legs(86, 88), **_trunk(6), **_arms(32, 6, 12, elbow=58)}
_RISING: Pose = {**_legs(60, 75), **_trunk(48), **_arms(38, 6, 10, elbow=40)}
_CROUCHED: Pose = {**_legs(45, 62), **_trunk(38), **_arms(-25, 10, elbow=15)}
_GUARD: Pose = _arms(38, 6, 18, elbow=122)
_STEPPED_RIGHT: Pose = {**_leg(42, 68), **_arm(-18, 8, elbow=20), **_arm(26, 8, elbow=32, side="left")}
_STEPPED_LEFT: Pose = {**_leg(42, 68, "left"), **_arm(26, 8, elbow=32), **_arm(-18, 8, elbow=20, side="left")}
_SHAKEN_UP: Pose = {**_arm(48, 0, 28, elbow=52), **_trunk(6)}
_SHAKEN_DOWN: Pose = {**_arm(38, 0, 28, elbow=40), **_trunk(6)}
_SHAKE_HANDS = Motion(
    intro=(Stroke(0.6, _SHAKEN_UP),),
    cycle=(Stroke(0.2, _SHAKEN_DOWN), Stroke(0.2, _SHAKEN_UP)),
    repeats=(1, 3),
)
_PUSHED = Motion(
    cycle=(
        Stroke(0.5, {}),
        Stroke(0.3, {**_trunk(-14), **_arms(25, 20, elbow=40)}, forward=-0.06),
        Stroke(0.4, {**_trunk(-8), **_leg(-8, 30), **_arms(30, 25, elbow=45)}, forward=-0.28),
    ),
)

MOTIONS: dict[str, Motion] = {
    "drink": Motion(
        intro=(Stroke(0.7, _arm(40, 12, 30, elbow=105)),),
        cycle=(
            Stroke(0.4, {**_arm(66, 8, 40, elbow=134), "neck": (-16, 0, 0)}),
            Stroke(0.5, {**_arm(72, 8, 42, elbow=136), "neck": (-22, 0, 0)}),
            Stroke(0.4, _arm(40, 12, 30, elbow=105)),
        ),
    ),
    "wave": Motion(
        intro=(Stroke(0.6, _arm(10, 72, -75, elbow=70)),),
        cycle=(
            Stroke(0.25, _arm(10, 72, -95, elbow=105)),
            Stroke(0.25, _arm(10, 72, -75, elbow=55)),
        ),
        repeats=(1, 3),
    ),
    "clap": Motion(
        intro=(Stroke(0.5, _arms(42, 10, 5, elbow=75)),),
        cycle=(Stroke(0.2, _arms(42, 2, 38, elbow=78)), Stroke(0.2, _arms(42, 10, 5, elbow=75))),
        repeats=(2, 4),
    ),
    "throw": Motion(
        intro=(Stroke(0.6, {**_arm(-10, 88, -85, elbow=95), **_trunk(-6, -35)}),),
        cycle=(
            Stroke(0.52, {**_arm(90, 25, -20, elbow=25), **_trunk(12, 25)}),
            Stroke(0.32, {**_arm(35, -8, 15, elbow=18), **_trunk(16, 32)}),
        ),
    ),
    "punch": Motion(
        intro=(Stroke(0.5, _GUARD),),
        cycle=(Stroke(0.25, {**_GUARD, **_arm(86, 4, 10, elbow=10), **_trunk(6, 28)}), Stroke(0.3, _GUARD)),
        repeats=(1, 3),
    ),
    "kick": Motion(
        cycle=(
            Stroke(0.4, {**_leg(55, 92), **_trunk(-4)}),
            Stroke(0.3, {**_leg(78, 12), **_trunk(-12), **_arms(10, 28, elbow=40)}),
            Stroke(0.3, {**_leg(40, 70)}),
            Stroke(0.3, {}),
        ),
        repeats=(1, 2),
    ),
    "jump": Motion(
        intro=(Stroke(0.45, _CROUCHED),),
        cycle=(
            Stroke(0.4, {**_arms(70, 12, elbow=25), **_both("ankle", -28)}),
            Stroke(0.4, {**_arms(60, 15, elbow=30), **_both("ankle", -20), **_legs(10, 14)}, flight=True),
            Stroke(0.38, _CROUCHED),
        ),
        repeats=(1, 2),
    ),
    "bow": Motion(
        cycle=(
            Stroke(0.8, {**_trunk(60), **_arms(48, 6, 5, elbow=10), "neck": (15, 0, 0)}),
            Stroke(0.4, {**_trunk(63), **_arms(50, 6, 5, elbow=10), "neck": (15, 0, 0)}),
        ),
    ),
    "pick up": Motion(
        cycle=(
            Stroke(0.8, {**_legs(72, 88), **_trunk(72), **_arms(70, 8, 8, elbow=12)}),
            Stroke(0.3, {**_legs(72, 88), **_trunk(74), **_arms(72, 8, 8, elbow=14), **_arm(82, 2, 16, elbow=8)}),
        ),
        end=_arm(22, 6, 15, elbow=80),
    ),
    "sit down": Motion(cycle=(Stroke(0.6, _RISING),), end=_SEATED),
    "stand up": Motion(cycle=(Stroke(0.6, _RISING),), start=_SEATED),
    "walk in place": Motion(
        cycle=(Stroke(0.3, _STEPPED_RIGHT), Stroke(0.3, {}), Stroke(0.3, _STEPPED_LEFT), Stroke(0.3, {})),
        repeats=(1, 3),
    ),
    "shake hands": replace(_SHAKE_HANDS, partner=_SHAKE_HANDS, touches="right_hand"),
    "push": Motion(
        cycle=(
            Stroke(0.5, _arms(12, 14, 5, elbow=112)),
            Stroke(0.3, {**_arms(78, 4, 2, elbow=10), **_trunk(14)}),
            Stroke(0.4, {**_arms(60, 6, 2, elbow=30), **_trunk(8)}),
        ),
        partner=_PUSHED,
        touches="spine_mid",
    ),
}
"""What each class looks like, in the order of the labels."""

SYNTHETIC_CLASSES: tuple[str, ...] = tuple(MOTIONS)
"""Class names; label k is class k, and action code A(k + 1) in files."""
