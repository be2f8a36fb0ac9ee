"""Parsers of raw downloads, one module per dataset, and the machinery that checks and prepares them.

Adding a dataset is adding one module with a registered `Dataset` class.
"""

from kineme.datasets.base import Dataset
from kineme.registry import Registry

datasets: Registry[type[Dataset]] = Registry("dataset", "kineme.datasets")
