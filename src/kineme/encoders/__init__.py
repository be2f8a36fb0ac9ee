"""Encoders: the networks that are kept after pretraining."""

from kineme.encoders.base import Encoder, EncoderConfig, encoders

__all__ = ["Encoder", "EncoderConfig", "encoders"]
