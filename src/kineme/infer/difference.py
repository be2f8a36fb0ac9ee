"""How a set of weights differs from what networks hold, as a list that can be read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

_SHOWN = 8


@dataclass(frozen=True)
class Difference:
    """Names that do not agree; empty where all do.

    Args:
        missing: names that the networks hold and the weights lack.
        unexpected: names that the weights hold and the networks lack.
        shapes: shapes of what both hold and that differ: of the weights, of the networks.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], networks: Mapping[str, Tensor]) -> "Difference":
        """Difference of two state dicts."""
        shapes = {
            name: (tuple(weights[name].shape), tuple(value.shape))
            for name, value in networks.items()
            if name in weights and weights[name].shape != value.shape
        }
        missing = tuple(name for name in networks if name not in weights)
        return cls(missing, tuple(name for name in weights if name not in networks), shapes)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def describe(self, label: Callable[[str], str] = str) -> str:
        """One line per kind of disagreement and name, the first few of each.

        Args:
            label: what to write for a name.
        """
        shapes = [f"{label(name)}: {found}, expected {want}" for name, (found, want) in self.shapes.items()]
        groups = {
            "missing": list(map(label, self.missing)),
            "not known": list(map(label, self.unexpected)),
            "of another shape": shapes,
        }
        return "".join(f"\n  {len(lines)} {kind}:{_listed(lines)}" for kind, lines in groups.items() if lines)


def _listed(lines: Iterable[str]) -> str:
    first, rest = list(lines)[:_SHOWN], list(lines)[_SHOWN:]
    return "".join(f"\n    {line}" for line in first) + (f"\n    and {len(rest)} more" if rest else "")
