"""Lists of names that do not agree."""

import torch
from torch import Tensor

from kineme.infer.difference import Difference


def state(*names: str, size: int = 1) -> dict[str, Tensor]:
    return {name: torch.zeros(size) for name in names}


def test_nothing_differs() -> None:
    difference = Difference.of(state("a", "b"), state("b", "a"))
    assert not difference
    assert difference.describe() == ""


def test_every_kind_is_listed() -> None:
    difference = Difference.of(state("a", "b"), state("b", size=2) | state("c"))
    assert difference
    assert difference.describe(str.upper) == (
        "\n  1 missing:\n    C\n  1 not known:\n    A\n  1 of another shape:\n    B: (1,), expected (2,)"
    )


def test_long_lists_are_shortened() -> None:
    text = Difference.of({}, state(*map(str, range(11)))).describe()
    assert text.startswith("\n  11 missing:\n    0\n    1\n")
    assert text.endswith("\n    7\n    and 3 more")
