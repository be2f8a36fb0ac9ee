"""Documentation that cannot rot: pages from the registries are fresh, links lead somewhere, commands and code work."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kineme.cli import COMMANDS, main
from kineme.datasets import datasets
from kineme.exporters import exporters
from kineme.importers import importers
from kineme.layout import Layout
from kineme.methods import methods
from kineme.recipes.base import recipes
from kineme.splits import SPLITS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"--[a-z][\w.-]*")

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fences(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of every fenced block."""
    return ((match[1], match[2]) for match in FENCE.finditer(text))


def commands(text: str) -> list[list[str]]:
    """Every complete ``kineme`` command of a page, in words, from fenced blocks and from inline code."""
    lines = [line for language, block in fences(text) if language in ("", "sh") for line in joined(block)]
    lines += re.findall(r"`(kineme [^`\n]+)`", FENCE.sub("", text))
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("kineme ")]


def joined(block: str) -> list[str]:
    """Lines of a block, those that end in a backslash with the next."""
    return block.replace("\\\n", " ").splitlines()


def slug(heading: str) -> str:
    """Anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def named_command(words: list[str]) -> tuple[str, list[str]]:
    """Command of one or two words, and its arguments."""
    for count in (2, 1):
        if " ".join(words[:count]) in COMMANDS:
            return " ".join(words[:count]), words[count:]
    pytest.fail(f"no such command: kineme {' '.join(words)}")


def known_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Options that ``--help`` of a command tells of."""
    with suppress(SystemExit):
        main([*words, "--help"])
    answer = capsys.readouterr()
    assert answer.out, answer.err
    return set(OPTION.findall(answer.out))


def is_placeholder(word: str) -> bool:
    """Whether a word stands for the reader's own, such as STORE."""
    return word.isupper() or "/" in word or word == "..."


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target for match in LINK.finditer(text) for target in match.groups() if target]
    for target in targets:
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page}: dead link {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page}: no heading {target}"


@by_page
def test_commands_exist(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for words in commands(page.read_text(encoding="utf-8")):
        if words in (["--help"], ["--version"]) or is_placeholder(words[0]):
            continue
        name, rest = named_command(words)
        first = rest[0] if rest and not is_option(rest[0]) and not is_placeholder(rest[0]) else None
        known = known_options(name.split(), capsys)
        if name == "pretrain":
            # The settings of a recipe are options of its own.
            known |= known_options([name, first or recipes.names()[0]], capsys)
        if name == "data import" and "--format" in rest:
            format = rest[rest.index("--format") + 1]
            if format in importers.names():
                known |= known_options([*name.split(), "PATH", "--format", format], capsys)
        if name == "data prepare" and first is not None:
            known |= known_options([*name.split(), first], capsys)
        if name in ("data check", "data prepare"):
            assert first is None or first in datasets.names(), f"{page}: no dataset {first}"
        unknown = {word.partition("=")[0] for word in rest if is_option(word)} - known
        assert not unknown, f"{page}: kineme {' '.join(words)}: unknown {unknown}"
        assert_value_known(rest, "--split", [*SPLITS, "own"])
        assert_value_known(rest, "--format", [*importers.names(), *exporters.names()])
        assert_value_known(rest, "--layout", Layout.names())


def is_option(word: str) -> bool:
    """Whether a word is the name of an option."""
    return word.startswith("--")


def assert_value_known(words: list[str], option: str, known: list[str]) -> None:
    """Check the value of an option, where it is given and is not the reader's own."""
    if option in words:
        value = words[words.index(option) + 1]
        assert is_placeholder(value) or value.endswith(".toml") or value in known, f"unknown {option} {value}"


@by_page
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of a page runs from top to bottom in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for language, block in fences(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(block, str(page), "exec"), namespace)


def test_generated_pages_are_fresh() -> None:
    # A process of its own: other tests may have registered things that are not part of kineme.
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", methods.names())
def test_every_method_has_a_page_and_is_done(name: str) -> None:
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.endswith("| done |")]
    assert any(f"(docs/methods/{name}.md)" in row for row in rows), f"README.md: no row '[...](docs/methods/{name}.md)'"


@pytest.mark.parametrize("name", datasets.names())
def test_every_dataset_has_a_page_with_its_joints(name: str) -> None:
    (page,) = [page for page in (ROOT / "docs" / "datasets").glob("*.md") if name.startswith(page.stem)]
    text = page.read_text(encoding="utf-8")
    assert f"(../images/layouts/{datasets.get(name).layout_name}.png)" in text
    headings = re.findall(r"^## (.*)", text, flags=re.MULTILINE)
    if name != "synthetic":
        assert "**Source and terms.**" in text
        assert {"Files", "Splits", "Known defects"} <= set(headings)


@pytest.mark.parametrize("name", importers.names())
def test_every_import_format_has_a_page(name: str) -> None:
    assert (ROOT / "docs" / "importing" / f"{name}.md").is_file()


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} == listed


def test_checks_can_fail() -> None:
    text = "`kineme pretend X`\n\n```sh\nkineme eval knn RUN --store STORE \\\n  --k 5\n```\n[x](nowhere.md)"
    assert commands(text) == [["eval", "knn", "RUN", "--store", "STORE", "--k", "5"], ["pretend", "X"]]
    assert LINK.findall(text) == [("nowhere.md", "")]
    with pytest.raises(pytest.fail.Exception):
        named_command(["pretend", "X"])
