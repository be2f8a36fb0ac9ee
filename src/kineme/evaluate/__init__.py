"""Evaluation: frozen features extracted once, protocols that see tensors only, honest results."""
