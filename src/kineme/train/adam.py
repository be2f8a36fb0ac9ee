"""Adam with one count of steps for all parameters, as TensorFlow has it (spec-agrnet §5, golden ``pfm``)."""

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any, overload

import torch
from torch import Tensor


class SharedStepAdam(torch.optim.Optimizer):
    """Adam whose bias correction counts every step, also for parameters that had no gradient until now.

    In torch a parameter that gets its first gradient late begins with a whole step of the learning rate; here
    the correction has worn off by then, and it begins with less (three quarters in the second step). A parameter
    without a gradient is left as it is, its moments included. Weight decay is decoupled, as in AdamW. As in
    TensorFlow, ``eps`` is added to the root of the second moment before bias correction.

    Args:
        params: parameters or groups of them.
        lr: learning rate.
        betas: decay of the first and the second moment.
        eps: added to the denominator.
        weight_decay: share of a parameter that a step at rate 1 takes away.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        # The count is a setting of every group, so that checkpoints hold it.
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "steps": 0})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step by the gradients at hand."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["steps"] += 1
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2), lr, steps = self.state[parameter], group["betas"], group["lr"], group["steps"]
        if not state:
            state.update(first=torch.zeros_like(parameter), second=torch.zeros_like(parameter))
        first = state["first"].lerp_(gradient, 1 - beta1)
        second = state["second"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        rate = lr * sqrt(1 - beta2**steps) / (1 - beta1**steps)
        parameter.mul_(1 - lr * group["weight_decay"]).addcdiv_(first, second.sqrt().add_(group["eps"]), value=-rate)
