"""What methods have in common that learn to tell classes apart from labels."""

from typing import ClassVar

from torch import Tensor

from kineme.clips import ClipBatch
from kineme.encoders.token_encoder import Positive
from kineme.methods.base import Method, MethodConfig


class ClassifierConfig(MethodConfig):
    """Base of their settings."""

    num_classes: Positive = 60
    """K; training takes it from the store."""


class Classifier(Method):
    """Base of the methods: an encoder, and what turns its features into class scores."""

    needs_labels: ClassVar[bool] = True

    def logits(self, batch: ClipBatch) -> Tensor:
        """Class scores before the softmax, (B, K)."""
        raise NotImplementedError
