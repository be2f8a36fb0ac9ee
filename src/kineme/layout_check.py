"""What a layout must fulfil before anything is computed with it."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kineme.errors import LayoutError, UnknownNameError
from kineme.layout_mapping import UP_AXES, counterpart

if TYPE_CHECKING:
    from kineme.layout import Layout

_UNITS = ("m", "image")


def check(layout: "Layout") -> None:
    """Stop at a layout's first contradiction; later rules rely on the earlier ones.

    Raises:
        LayoutError: names the layout, what is wrong where, and the remedy.
    """
    for problems in (_joint_problems, _reference_problems, _tree_problems, _part_problems, _frame_problems):
        for problem in problems(layout):
            raise LayoutError(f"layout {layout.name}: {problem}")


def _joint_problems(layout: "Layout") -> Iterator[str]:
    if len(layout.joints) < 2:
        yield f"a skeleton needs at least 2 joints, each with a line in [tree]; found {len(layout.joints)}"
    for joint, count in Counter(layout.joints).items():
        if count > 1:
            yield f"joint {joint!r} is named {count} times; give every joint a name of its own"
        if counterpart(joint) not in layout.joints:
            remedy = "add it, or take left_ or right_ off the name of a joint that has no side"
            yield f"joint {joint!r} has no {counterpart(joint)!r}; {remedy}"
    for key, parents in (("tree", layout.tree), ("gcn", layout.gcn)):
        if len(parents) != len(layout.joints):
            yield f"{key} has {len(parents)} parents for {len(layout.joints)} joints; give each joint one"


def _reference_problems(layout: "Layout") -> Iterator[str]:
    named = {
        "tree": [parent for parent in layout.tree if parent],
        "gcn": layout.gcn,
        "parts": [joint for _, joints in layout.parts for joint in joints],
        "origin": layout.origin,
        "across": layout.across,
    }
    for key, joints in named.items():
        for joint in joints:
            if joint not in layout.joints:
                hint = "Every joint has a line in [tree]"
                yield str(UnknownNameError(f"joint in {key}", joint, layout.joints, hint))


def _tree_problems(layout: "Layout") -> Iterator[str]:
    roots = [joint for joint, parent in zip(layout.joints, layout.tree, strict=True) if not parent]
    if len(roots) != 1:
        yield f'tree needs exactly one root, a joint with the parent ""; found {", ".join(roots) or "none"}'
    rooted = ["" if parent == joint else parent for joint, parent in zip(layout.joints, layout.gcn, strict=True)]
    for key, parents in (("tree", layout.tree), ("gcn", rooted)):
        parent_of = {"": "", **dict(zip(layout.joints, parents, strict=True))}
        for joint in layout.joints:
            ancestor = joint
            for _ in layout.joints:
                ancestor = parent_of[ancestor]
            if ancestor:
                yield f"{key} runs in a circle through {ancestor!r}; give it a parent nearer to the root"


def _part_problems(layout: "Layout") -> Iterator[str]:
    parts_of: dict[str, list[str]] = {joint: [] for joint in layout.joints}
    for part, joints in layout.parts:
        for joint in joints:
            parts_of[joint].append(part)
    for joint, parts in parts_of.items():
        if len(parts) != 1:
            found = f"is listed {len(parts)} times ({', '.join(parts)})" if parts else "is in no part"
            yield f"parts: joint {joint!r} {found}; list every joint in exactly one part"


def _frame_problems(layout: "Layout") -> Iterator[str]:
    if not layout.origin:
        yield "origin is empty; name at least one joint, for example the hips"
    if len(set(layout.across)) != 2:
        yield f"across is {list(layout.across)}; name two joints, left then right, for example the hips"
    if layout.unit not in _UNITS:
        yield f"unit is {layout.unit!r}; known: {', '.join(_UNITS)}"
    if layout.up not in UP_AXES:
        yield f"up is {layout.up!r}; known: {', '.join(UP_AXES)}"
