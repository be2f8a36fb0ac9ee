"""The ``kineme`` command, called in this process."""

import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from unittest.mock import patch

from kineme.cli import main
from kineme.cli.console import console, errors

WIDTH = 200
TINY = (
    *("--split", "nucla-xview", "--accelerator", "cpu", "--train.epochs", 2, "--train.batch-size", 8),
    *("--encoder.width", 16, "--encoder.depth", 1, "--encoder.heads", 2, "--method.decoder-width", 16),
    *("--prepare.window", 16, "--features.views", 1, "--probe.epochs", 3),
)
"""Options that make a compact recipe train on `fake.small_store` in a blink."""
CONTRASTIVE_TINY = (
    *("--split", "nucla-xview", "--accelerator", "cpu", "--train.epochs", 1, "--train.batch-size", 8),
    *("--encoder.hidden-channels", 4, "--method.features", 8, "--method.queue-size", 32, "--prepare.window", 16),
)
"""The same for recipes of momentum contrast."""


@dataclass(frozen=True)
class Answer:
    """What a command leaves behind: exit status, standard output and standard error."""

    status: int
    out: str
    err: str


def kineme(*words: object) -> Answer:
    """Answer of ``kineme WORDS`` on a terminal wide enough to wrap nothing that tests look for."""
    out, err = StringIO(), StringIO()
    console.width = errors.width = WIDTH
    with patch.dict(os.environ, COLUMNS=str(WIDTH)), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:  # how options that cannot be parsed, and --help, end
            status = int(end.code or 0)
    return Answer(status, out.getvalue(), err.getvalue())


def succeed(*words: object) -> str:
    """Output of a command that must end well."""
    answer = kineme(*words)
    assert answer.status == 0, answer.err + answer.out
    return answer.out


def refuse(*words: object) -> str:
    """Message of a command that must end with an error of one line and status 1."""
    answer = kineme(*words)
    assert answer.status == 1, answer
    assert answer.err.startswith("error: "), answer
    return answer.err
