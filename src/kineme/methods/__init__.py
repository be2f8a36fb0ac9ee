"""Methods: one file for what each paper adds."""

from kineme.methods.base import Method, MethodConfig, Progress, StepInput, StepOutput, methods
from kineme.methods.classifier import Classifier, ClassifierConfig

__all__ = ["Classifier", "ClassifierConfig", "Method", "MethodConfig", "Progress", "StepInput", "StepOutput", "methods"]
