"""Layout: which joints a skeleton has and how they hang together. No other module contains a joint number.

A layout is a TOML file. Built-in ones lie in ``layouts/``; `Layout.get` also takes the path of a user's own.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kineme.config import Config
from kineme.errors import ConfigError, LayoutError, UnknownNameError
from kineme.layout_check import check
from kineme.layout_mapping import counterpart, joint_weights, turn

_BUILT_IN = Path(__file__).parent / "layouts"


@dataclass(frozen=True)
class Layout:
    """Named joints and their relations.

    Args:
        name: what the layout is called.
        joints: V joint names; left and right ones start with ``left_`` and ``right_``.
        tree: V parent names of the anatomical tree, "" at its root.
        gcn: V parent names as graph-convolution code uses them for bone streams; a joint that is its own
            parent has a zero bone. Where the field has no such convention: ``tree``, the root its own parent.
        parts: body part to joint names; every joint is in exactly one part.
        origin: joints whose mean is the body's centre, on which clips are centred.
        across: (left, right) joints whose line tells which way the body faces.
        unit: "m", or "image" for coordinates normalised to the picture.
        up: axis that points up: "+y", "-y" or "+z".
        aliases: (their name, our joint) pairs: what the makers of such files call the joints.
    """

    name: str
    joints: tuple[str, ...]
    tree: tuple[str, ...]
    gcn: tuple[str, ...]
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    origin: tuple[str, ...]
    across: tuple[str, str]
    unit: str = "m"
    up: str = "+y"
    aliases: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        check(self)

    @staticmethod
    def get(name: str | Path) -> "Layout":
        """Built-in layout by name, or a layout file by path.

        Raises:
            UnknownNameError: neither a built-in name nor a file.
            LayoutError: the file contradicts itself.
        """
        path = Path(name)
        if path.suffix == ".toml":
            return Layout.from_toml(path)
        if str(name) not in Layout.names():
            hint = "For your own layout give the path of its .toml file"
            raise UnknownNameError("layout", str(name), Layout.names(), hint)
        return _built_in(str(name))

    @staticmethod
    def names() -> list[str]:
        """Names of the built-in layouts."""
        return sorted(path.stem for path in _BUILT_IN.glob("*.toml"))

    @staticmethod
    def from_toml(path: Path) -> "Layout":
        """Layout written in a TOML file; see ``docs/layouts.md`` for the form.

        Raises:
            LayoutError: no such file, not TOML, or not a layout.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LayoutError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise LayoutError(f"{path}: not TOML ({error})") from error
        return Layout.from_dict({"name": path.stem, **data}, where=str(path))

    @staticmethod
    def from_dict(data: Mapping[str, Any], where: str = "layout") -> "Layout":
        """Layout from the plain form that TOML files and stores use.

        Raises:
            LayoutError: a key is missing, unknown or of the wrong type, or the layout contradicts itself.
        """
        try:
            form = _Form.parse(data, where)
        except ConfigError as error:
            raise LayoutError(str(error)) from error
        gcn = form.tree | form.gcn
        for table, joints in (("gcn", gcn), ("aliases", form.aliases.values())):
            if stray := [joint for joint in joints if joint not in form.tree]:
                raise LayoutError(f"{where}: {UnknownNameError(f'joint in {table}', stray[0], form.tree)}")
        return Layout(
            name=form.name,
            joints=tuple(form.tree),
            tree=tuple(form.tree.values()),
            gcn=tuple(parent or joint for joint, parent in gcn.items()),
            parts=tuple((part, tuple(joints)) for part, joints in form.parts.items()),
            origin=tuple(form.origin),
            across=(form.across[0], form.across[1]),
            unit=form.unit,
            up=form.up,
            aliases=tuple(form.aliases.items()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain form without aliases, which matter to files only; `from_dict` reads it back."""
        return {
            "name": self.name,
            "unit": self.unit,
            "up": self.up,
            "origin": list(self.origin),
            "across": list(self.across),
            "tree": dict(zip(self.joints, self.tree, strict=True)),
            "gcn": dict(zip(self.joints, self.gcn, strict=True)),
            "parts": {part: list(joints) for part, joints in self.parts},
        }

    @property
    def num_joints(self) -> int:
        """V."""
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint.

        Raises:
            UnknownNameError: this layout has no such joint.
        """
        if joint not in self.joints:
            raise UnknownNameError(f"joint of layout {self.name}", joint, self.joints)
        return self.joints.index(joint)

    @cached_property
    def tree_parents(self) -> tuple[int, ...]:
        """Parent positions in the anatomical tree; -1 at the root."""
        return tuple(self.index(parent) if parent else -1 for parent in self.tree)

    @cached_property
    def gcn_parents(self) -> tuple[int, ...]:
        """Parent positions for bone streams; a joint may be its own parent."""
        return tuple(self.index(parent) for parent in self.gcn)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """Position of each joint's left-right counterpart; a middle joint is its own."""
        return tuple(self.index(counterpart(joint)) for joint in self.joints)

    @cached_property
    def root(self) -> int:
        """Position of the anatomical tree's root."""
        return self.tree.index("")

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(joint, parent) pairs of the anatomical tree, for drawing."""
        return tuple((joint, parent) for joint, parent in enumerate(self.tree_parents) if parent >= 0)

    @cached_property
    def part_indices(self) -> dict[str, tuple[int, ...]]:
        """Body part to joint positions."""
        return {part: tuple(self.index(joint) for joint in joints) for part, joints in self.parts}

    def indices(self, joints: tuple[str, ...]) -> list[int]:
        """Positions of several joints."""
        return [self.index(joint) for joint in joints]

    def turn_to(self, target: "Layout", channels: int = 3) -> np.ndarray:
        """Rotation that gives coordinates of this layout the axes of another: (C, C) float32, x_new = turn @ x.

        It keeps left on the left; where both have the same axis up it changes nothing.

        Args:
            target: the other layout.
            channels: C, 2 for coordinates without depth.

        Raises:
            LayoutError: another unit, or coordinates without depth that would need it.
        """
        if self.unit != target.unit:
            raise LayoutError(
                f"{self.name} is in {self.unit}, {target.name} in {target.unit}; joints can be exchanged, coordinates "
                f"cannot: scale the clips first"
            )
        rotation = turn(self.up, target.up)
        if rotation[:channels, channels:].any():
            raise LayoutError(
                f"{self.name} has {self.up} up, {target.name} {target.up}: to turn one into the other takes depth, and "
                f"clips have {channels} coordinates"
            )
        return rotation[:channels, :channels]

    def mapping_to(self, target: "Layout") -> np.ndarray:
        """Matrix that makes another layout's joints of this one's; for axes see `turn_to`.

        Returns:
            (V_target, V) float32; rows sum to one: a joint of the target is the one of ours that has its
            name, or else a mean of those that stand in for it (see `kineme.layout_mapping`).

        Raises:
            LayoutError: a joint of the target cannot be had from ours.
        """
        rows = [joint_weights(joint, self.joints) for joint in target.joints]
        lost = [joint for joint, row in zip(target.joints, rows, strict=True) if row is None]
        if lost:
            raise LayoutError(
                f"layout {self.name} cannot be converted to {target.name}: nothing in it can stand in for "
                f"{', '.join(lost)} (docs/layouts.md says what can); convert to a layout without these joints"
            )
        return np.stack([row for row in rows if row is not None])


class _Form(Config):
    """Plain form of a layout, with the types that TOML and JSON give."""

    name: str
    tree: dict[str, str]
    gcn: dict[str, str] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, list[str]]
    origin: list[str]
    across: Annotated[list[str], Field(min_length=2, max_length=2)]
    unit: str = "m"
    up: str = "+y"


@cache
def _built_in(name: str) -> Layout:
    return Layout.from_toml(_BUILT_IN / f"{name}.toml")
