"""Readers of common pose and motion formats, for recordings of one's own; one module per format.

Adding a format is adding one module with a registered `Importer` class.
"""

from kineme.importers.base import Importer
from kineme.registry import Registry

importers: Registry[type[Importer]] = Registry("import format", "kineme.importers")
