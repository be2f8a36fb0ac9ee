"""What the names of raw files say: the numbers in them, and which file is the one of a name."""

import re
from collections.abc import Iterable

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

RENAME = "give the file its original name, or remove it"


def name_numbers(file: RawFile, pattern: re.Pattern[str], like: str) -> tuple[int, ...]:
    """Numbers in a file's name.

    Args:
        file: the file.
        pattern: of its name without suffix; every group is a number.
        like: an example and what its numbers are, for the message.

    Raises:
        SourceError: a name of another form.
    """
    name = pattern.fullmatch(file.stem)
    if name is None:
        raise SourceError(file, f"expected a name like {like}", fix=RENAME)
    return tuple(int(number) for number in name.groups())


def label_of(file: RawFile, action: int, num_classes: int, fix: str = RENAME) -> int:
    """Label of an action that is numbered from 1.

    Args:
        file: its file.
        action: number that the file's name or folder gives.
        num_classes: actions there are.
        fix: what to do where it is another number.

    Raises:
        SourceError: there is no such action.
    """
    if not 1 <= action <= num_classes:
        raise SourceError(file, f"action {action} does not exist, only 1 to {num_classes}", fix=fix)
    return action - 1


def one_named(files: Iterable[RawFile], name: str) -> RawFile | None:
    """The file of this name, in capitals or not; None where there is none.

    Raises:
        SourceError: two of them differ in more than blanks and line ends.
    """
    named = [file for file in files if file.name.lower() == name.lower()]
    for other in named[1:]:
        if other.read_bytes().split() != named[0].read_bytes().split():
            fix = "find out which is right and remove the other"
            raise SourceError(other, f"same name as {named[0]}, other content", fix=fix)
    return named[0] if named else None
