"""Methods: one file for what each paper adds."""

from kineme.methods.base import Method, MethodConfig, Progress, StepInput, StepOutput, methods

__all__ = ["Method", "MethodConfig", "Progress", "StepInput", "StepOutput", "methods"]
