"""The ``kineme`` command as a whole: which commands there are, what they say about themselves, how they fail."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path

import pytest

from command_line import kineme, refuse, succeed
from kineme import __version__
from kineme.cli import COMMANDS, doctor
from kineme.errors import KinemeError
from kineme.layout import Layout
from kineme.recipes.base import recipes

HELP_OF_ALL = """
import sys
from contextlib import suppress
from kineme.cli import COMMANDS, main
for name in COMMANDS:
    with suppress(SystemExit):
        main([*name.split(), "--help"])
sys.exit("torch" in sys.modules)
"""


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """What a Python process of its own does."""
    env = os.environ | {"COLUMNS": "200"}
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)


def option_names(command: Callable[..., int]) -> Iterator[str]:
    """Options of a command, those of a group of options by themselves."""
    for parameter in signature(command).parameters.values():
        if parameter.kind is Parameter.KEYWORD_ONLY:
            group = parameter.default
            yield from [each.name for each in fields(group)] if is_dataclass(group) else [parameter.name]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option(name: str) -> None:
    module, function = COMMANDS[name][0].split(":")
    text = succeed(*name.split(), "--help")
    assert text.startswith(f"usage: kineme {name} ")
    for option in option_names(getattr(import_module(f"kineme.cli.{module}"), function)):
        assert f"--{option.replace('_', '-')}" in text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("data check", ["DATASET", "RAW"]),
        ("data prepare", ["DATASET", "RAW"]),
        ("data import", ["PATH"]),
        ("data convert", ["STORE"]),
        ("data export", ["STORE"]),
        ("data info", ["STORE"]),
        ("data show", ["STORE"]),
        ("eval coordinates", ["STORE"]),
        ("pretrain", ["RECIPE"]),
        ("eval linear", ["RUN"]),
        ("report", ["RUN"]),
    ],
)
def test_usage_names_what_to_give(name: str, arguments: list[str]) -> None:
    usage = succeed(*name.split(), "--help").splitlines()[0].split()
    assert [word for word in arguments if word not in {part.strip("[]") for part in usage}] == []


def test_help_is_quick() -> None:
    """No command imports torch, which takes seconds, to explain itself."""
    done = python("-c", HELP_OF_ALL)
    assert done.returncode == 0, done.stderr
    assert "--preparation" in done.stdout


def test_module_is_the_command() -> None:
    done = python("-m", "kineme", "data", "info", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: nowhere: no skeleton store here")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_usage_lists_every_command(words: list[str]) -> None:
    text = succeed(*words)
    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("words", [["data"], ["data", "--help"]])
def test_group_lists_its_commands(words: list[str]) -> None:
    text = succeed(*words)
    assert "  data convert " in text
    assert "  eval linear " not in text


def test_version() -> None:
    assert succeed("--version") == f"kineme {__version__}\n"


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["pretrian", "x"], "pretrain"), (["data", "chek"], "data check"), (["eval", "retreival"], "eval retrieval")],
)
def test_unknown_command(words: list[str], meant: str) -> None:
    answer = kineme(*words)
    assert answer.status == 2
    assert meant in answer.err.partition("perhaps you meant: ")[2]


def test_unknown_option() -> None:
    assert kineme("--colour").status == 2
    answer = kineme("data", "check", "synthetic", "raw", "--joobs", 3)
    assert answer.status == 2
    assert "--joobs" in answer.err
    assert "--jobs" in answer.err.partition("Perhaps you meant")[2]


def test_option_of_the_wrong_type() -> None:
    answer = kineme("data", "check", "synthetic", "raw", "--jobs", "all")
    assert answer.status == 2
    assert "--jobs" in answer.err


def test_missing_arguments() -> None:
    answer = kineme("data", "check")
    assert answer.status == 2
    assert "DATASET" in answer.err


def raising(error: BaseException) -> Callable[..., None]:
    """Stand-in for a command's first step."""

    def fail(*args: object) -> None:
        raise error

    return fail


def test_errors_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a path with brackets nor a line number between colons is markup."""
    message = "raw[bold]/a.skeleton:100: expected [x y z]"
    monkeypatch.setattr("kineme.store_summary.store_summary", raising(KinemeError(message)))
    monkeypatch.setattr("kineme.store.SkeletonStore.open", lambda path: path)
    assert refuse("data", "info", "store", "--as-json") == f"error: {message}\n"


def test_errors_of_the_system_take_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.store.SkeletonStore.open", raising(PermissionError(13, "Permission denied", "store")))
    assert refuse("data", "info", "store") == "error: [Errno 13] Permission denied: 'store'\n"


def test_stopped_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.store.SkeletonStore.open", raising(KeyboardInterrupt()))
    assert kineme("data", "info", "store").status == 130


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.store.SkeletonStore.open", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        kineme("data", "info", "store")


def test_doctor() -> None:
    text = succeed("doctor")
    assert "works (loss" in text
    assert __version__ in text


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "joblib" else version(name))
    monkeypatch.setattr(doctor, "_training_step", raising(AssertionError("a package is missing")))
    answer = kineme("doctor")
    assert answer.status == 1
    assert [line for line in answer.out.splitlines() if "joblib" in line and "missing" in line]


def test_doctor_tells_how_to_get_what_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert "pip install 'kineme[viz]'" in succeed("doctor")


def test_layouts_are_listed() -> None:
    text = succeed("layouts")
    assert all(f" {name} " in text for name in Layout.names())
    assert "spine_shoulder" in text


def test_recipes_are_listed() -> None:
    text = succeed("recipes")
    assert all(f" {name} " in text for name in recipes.names())
    assert "84.9" in text


def test_demo_leaves_existing_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "--out" in refuse("demo", "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
