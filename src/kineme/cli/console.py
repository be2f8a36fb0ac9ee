"""How commands speak to a terminal: one console, one way to run a function, one progress display."""

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from kineme.errors import ConfigError, KinemeError

# Paths and messages are printed as they are: to rich's markup, [viz] would be a tag and :100: an emoji.
console = Console(highlight=False, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

EXIT_ERROR, EXIT_STOPPED = 1, 130


Specialise = Callable[[Sequence[str]], tuple[Callable[..., int | None], list[str]]]


def run_command(
    prog: str, function: Callable[..., int | None], args: Sequence[str], specialise: Specialise | None = None
) -> int:
    """Parse arguments for a function by its signature and run it.

    Our own errors, and those of the operating system (no such folder, disk full), become one line and status 1.

    Args:
        prog: command as typed, for usage lines.
        function: what the command does.
        args: arguments after the command.
        specialise: puts another function in place, whose options depend on the first arguments.
    """
    try:
        if specialise is not None:
            function, args = specialise(args)
        return tyro.cli(function, prog=prog, args=list(args)) or 0
    except KeyboardInterrupt:
        errors.print("stopped")
        return EXIT_STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (KinemeError, OSError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "; free some space and give the same command again" if full else ""
        errors.print(Text.assemble(("error:", "bold red"), f" {error}{fix}"), soft_wrap=True)
        return EXIT_ERROR


def require_device(name: str) -> None:
    """Check that there is such a device to compute on.

    Raises:
        ConfigError: there is not.
    """
    import torch

    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"cannot compute on {name!r} ({reason}); kineme doctor tells what there is") from error


class Update(Protocol):
    """How much is done, and what to say beside it."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


@contextmanager
def progress_bar(description: str, unit: str) -> Iterator[Update]:
    """A live bar on a terminal, silence elsewhere."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(description, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield update
