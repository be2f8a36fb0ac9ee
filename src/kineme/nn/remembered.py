"""Results that depend on weights alone, such as what an encoder makes of a body that is not there."""

from collections.abc import Callable, Hashable

import torch
from torch import Tensor, nn


class Remembered:
    """Such a result of one module, computed again once a weight, the device or the precision is another.

    What is changed through ``weight.data`` goes unnoticed, and gradients do not reach the weights.
    """

    def __init__(self) -> None:
        self._computed_for: Hashable = None
        self._result: Tensor | None = None

    def of(self, module: nn.Module, compute: Callable[[], Tensor]) -> Tensor:
        """The result with the module's present weights.

        Args:
            module: whose weights are all that it depends on.
            compute: gives it.
        """
        weights = [*module.parameters(), *module.buffers()]
        # Tensors born in inference mode do not count their changes.
        if torch.compiler.is_compiling() or any(weight.is_inference() for weight in weights):
            return compute()
        state = (*((each.data_ptr(), each._version) for each in weights), _precision(weights[0]))
        if self._result is None or state != self._computed_for:
            self._computed_for, self._result = state, compute().detach()
        return self._result


def _precision(weight: Tensor) -> tuple[torch.dtype, torch.dtype | None]:
    """Of a weight, and what autocast computes in, or None where it is off."""
    device = weight.device.type
    return weight.dtype, torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
