"""Which joint of a file is which joint of a layout: by name, never by guessing."""

import re
import warnings
from collections.abc import Sequence

from kineme.datasets.base import SourceWarning
from kineme.errors import SourceError
from kineme.layout import Layout

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def match_joints(found: Sequence[str], layout: Layout, file: object) -> list[int]:
    """Position among the file's joints of every joint of a layout.

    A joint is matched by its own name or by one that the layout's ``[aliases]`` translate, whatever the spelling of
    sides and capitals (``Shoulder_L``, ``LeftShoulder`` and ``left_shoulder`` are one). Joints of the file that
    the layout does not have are left out, with a warning that names them.

    Args:
        found: joint names of the file.
        layout: joints wanted.
        file: for messages.

    Returns:
        V positions.

    Raises:
        SourceError: the layout has joints that the file does not; lists both, and what to do.
    """
    meaning = {spelling(joint): joint for joint in layout.joints}
    # An alias goes before a joint in another spelling: in many files LeftShoulder is the inner end of the collar bone.
    meaning |= {spelling(theirs): ours for theirs, ours in layout.aliases}
    matched = {name: i for i, name in reversed(list(enumerate(found))) if name in layout.joints}
    for i, name in enumerate(found):
        if name not in layout.joints and spelling(name) in meaning:
            matched.setdefault(meaning[spelling(name)], i)
    if missing := [joint for joint in layout.joints if joint not in matched]:
        spare = [name for i, name in enumerate(found) if i not in matched.values()]
        raise SourceError(
            file,
            f"no joint for {', '.join(missing)} of layout {layout.name}; joints of the file that have no place in "
            f"it: {', '.join(spare) or 'none'}",
            fix="give another --layout, or say which is which in the [aliases] of your own (docs/layouts.md)",
        )
    if left_out := [name for i, name in enumerate(found) if i not in matched.values()]:
        text = f"joints that layout {layout.name} does not have were left out: {', '.join(left_out)}"
        warnings.warn(text, SourceWarning, stacklevel=2)
    return [matched[joint] for joint in layout.joints]


def spelling(name: str) -> str:
    """A joint's name in one spelling: words in lower case, the side first."""
    words = [word.lower() for word in _WORD.findall(name)] or [name]
    for end in (0, -1):
        if len(words) > 1 and words[end] in _SIDES:
            side = _SIDES[words.pop(end)]
            return "_".join([side, *words])
    return "_".join(words)
