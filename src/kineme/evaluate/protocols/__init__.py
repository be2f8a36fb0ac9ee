"""Protocols: one file for each way of reading frozen features."""

from kineme.evaluate.protocols.base import Candidates, Protocol, Settings, Task, protocols, represent

__all__ = ["Candidates", "Protocol", "Settings", "Task", "protocols", "represent"]
