"""Stores back in the formats of other code bases, one module per format.

Adding a format is adding one module with a registered function.
"""

from kineme.exporters.base import Exporter
from kineme.registry import Registry

exporters: Registry[Exporter] = Registry("export format", "kineme.exporters")
