"""What the names of NTU RGB+D's recordings say, such as S001C002P003R002A013."""

import re
from typing import Any

NTU_NAME = re.compile(r"(S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3}))")
"""The name, setup, camera, subject, replication and action, from 1."""


def ntu_facts(name: str) -> dict[str, Any]:
    """Setup, camera, subject and replication by the names they have in a clip; nothing where the name is another."""
    match = NTU_NAME.fullmatch(name)
    fields = ("setup", "camera", "subject", "replication")
    return dict(zip(fields, map(int, match.groups()[1:5]), strict=True)) if match else {}


def ntu_action(name: str) -> int | None:
    """Number of the action, from 1; None where the name is another."""
    match = NTU_NAME.fullmatch(name)
    return int(match[6]) if match else None
