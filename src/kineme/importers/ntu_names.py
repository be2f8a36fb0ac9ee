"""What the names of NTU RGB+D's recordings say, for formats in which the field passes them on."""

import re

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.IGNORECASE)


def ntu_facts(name: str) -> dict[str, int]:
    """Setup, camera, subject and replication by the names they have in a clip; nothing where the name is another."""
    match = _NAME.fullmatch(name)
    fields = ("setup", "camera", "subject", "replication")
    return dict(zip(fields, map(int, match.groups()[:4]), strict=True)) if match else {}


def ntu_action(name: str) -> int | None:
    """Number of the action, from 1; None where the name is another."""
    match = _NAME.fullmatch(name)
    return int(match[5]) if match else None
