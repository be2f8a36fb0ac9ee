"""The report as a page: what it holds, that it loads nothing, and that no name can break it."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.errors import ConfigError, LayoutMismatchError
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.report import collect
from kineme.evaluate.robustness import evaluate_robustness
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from kineme.viz.html_page import Html, Section, element, page
from kineme.viz.html_report import write_html_report
from kineme.viz.html_runs import duration

HOSTILE = "<script>alert('$x$')</script> & \"$y\""
EVERYTHING = [
    "What was run",
    "Results",
    "Accuracy of each class",
    "Confusion",
    "Training",
    "Features",
    "Robustness",
    "On skeletons",
]


class Page(HTMLParser):
    """A page taken apart; every tag must be closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def evaluated(folder: Path, store: SkeletonStore, *names: str, **changes: object) -> Path:
    """Run with results of some protocols and a loss curve."""
    config = tiny_config(split="nucla-xview", recipe="mae-compact", **changes)
    run = RunDir.create(folder, config, store, len(store))
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    lines = [{"step": i, "epoch": i / 3, "loss": 1 / (i + 1), "lr": 1e-3, "seconds": 41.0 * i} for i in range(9)]
    run.metrics_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in names:
        evaluate(run, store, name)
    return folder


@pytest.fixture(scope="module")
def store() -> SkeletonStore:
    plain = small_store(num_clips=36)
    plain.classes = (HOSTILE, *plain.classes[1:])
    return plain


@pytest.fixture(scope="module")
def runs(store: SkeletonStore, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One with everything, and one with a result alone."""
    folder = tmp_path_factory.mktemp("runs")
    first = evaluated(folder / "first<b>", store, "knn", "linear")
    evaluate_robustness(RunDir.open(first), store, "knn", corruptions=("jitter",), severities=(1, 5))
    second = evaluated(folder / "second", store, "knn", train={**tiny_config().train.model_dump(), "seed": 1})
    shutil.rmtree(second / "features")
    (second / "metrics.jsonl").unlink()
    return first, second


@pytest.fixture(scope="module")
def file(runs: tuple[Path, Path], store: SkeletonStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pages") / "new" / "first.html"
    return write_html_report(collect(runs[:1]), target, store=store)


@pytest.fixture(scope="module")
def first(file: Path) -> Page:
    return Page(file.read_text(encoding="utf-8"))


def test_sections_and_their_links(first: Page) -> None:
    assert first.texts["h2"] == first.texts["a"] == EVERYTHING
    targets = {attributes["href"] for attributes in first.all("a")}
    assert targets == {f"#{attributes['id']}" for attributes in first.all("section")}
    identities = [attributes["id"] for _, attributes in first.tags if "id" in attributes]
    assert len(identities) == len(set(identities))


def test_headings_are_in_order(first: Page) -> None:
    levels = [int(tag[1]) for tag, _ in first.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1


def test_nothing_is_loaded_from_anywhere(file: Path, first: Page) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import", text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in first.tags}
    sources = [attributes["src"] for _, attributes in first.tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    policy = next(each for each in first.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_tables_and_pictures_can_be_read_aloud(first: Page) -> None:
    assert all(attributes["scope"] in ("col", "row") for attributes in first.all("th"))
    assert len(first.all("caption")) == len(first.all("table"))
    assert all(attributes["alt"] for attributes in first.all("img"))
    assert len(first.all("figcaption")) == len(first.all("img")) == 8


def test_names_are_text(file: Path, first: Page) -> None:
    assert HOSTILE in first.texts["th"]
    assert first.texts["h1"] == ["Report: first<b>"]
    assert "<script" not in file.read_text(encoding="utf-8")


def test_figures_of_the_run(runs: tuple[Path, Path], first: Page) -> None:
    (report,) = collect(runs[:1])
    cells = first.texts["td"]
    for value in ("mae", "nucla-xview", "5 min 28 s", "2.66667 of 2", "kinect20, 20 joints, 3 coordinates"):
        assert value in cells
    for result in report.results:
        assert f"{result.protocol} on nucla-xview" in first.texts["h3"]
        assert result.untrained is not None
        for score in (result.metrics.last, result.metrics.best_val, result.metrics.best_test, result.untrained.last):
            assert score is not None
            assert f"{100 * score.accuracy:.1f}" in cells
            assert score.candidate in first.texts["small"]
    assert "encoder.width" in first.texts["th"]  # changed against the recipe
    assert f"{100 * report.robustness[0].mean:.1f}" in cells


def test_caveats_are_shown(runs: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(runs[1], tmp_path / "copy")
    result = copy / "results" / "knn.json"
    result.write_text(json.dumps({**json.loads(result.read_text()), "seen": 7}))
    text = write_html_report(collect([copy]), tmp_path / "a.html").read_text(encoding="utf-8")
    assert '<p class="warning">copy: 7 test clips were trained on' in text


def test_what_a_run_lacks_is_left_out(runs: tuple[Path, Path], tmp_path: Path) -> None:
    text = write_html_report(collect(runs[1:]), tmp_path / "a.html").read_text(encoding="utf-8")
    assert Page(text).texts["h2"] == EVERYTHING[:4]


def test_runs_are_compared(runs: tuple[Path, Path], tmp_path: Path) -> None:
    parsed = Page(write_html_report(collect(runs), tmp_path / "a.html").read_text(encoding="utf-8"))
    assert parsed.texts["h2"][2] == "Runs compared clip by clip"
    assert "knn@1, nucla-xview" in parsed.texts["td"]
    assert "linear@1, nucla-xview" not in parsed.texts["td"]
    assert "second, untrained twin" in parsed.texts["th"]


def test_runs_without_predictions_say_so(runs: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(runs[1], tmp_path / "copy")
    shutil.rmtree(copy / "predictions")
    parsed = Page(write_html_report(collect([copy, runs[1]]), tmp_path / "a.html").read_text(encoding="utf-8"))
    assert any(text.startswith(f"Not compared: {copy}: no predictions of knn") for text in parsed.texts["p"])


def test_errors_leave_no_file(runs: tuple[Path, Path], tmp_path: Path) -> None:
    reports = collect(runs[1:])
    other = SkeletonStore.from_arrays([np.random.default_rng(0).normal(size=(9, 25, 3))], "kinect25", labels=[0])
    with pytest.raises(LayoutMismatchError, match="kinect25"):
        write_html_report(reports, tmp_path / "a.html", store=other)
    with pytest.raises(ConfigError, match=r"ends in \.html"):
        write_html_report(reports, tmp_path / "a.pdf")
    with patch.dict("sys.modules", matplotlib=None), pytest.raises(ConfigError, match=r"kineme\[viz\]"):
        write_html_report(reports, tmp_path / "a.html")
    assert not list(tmp_path.iterdir())


def test_elements_escape_text_and_attributes() -> None:
    assert element("p", "a < b", element("br"), title='"') == '<p title="&quot;">a &lt; b<br></p>'
    empty = page("t", "l", [Section("nothing", []), Section("some", [Html("<p></p>")])])
    assert Page(empty).texts["h2"] == ["some"]


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "4 s"), (341.3, "5 min 41 s"), (7260, "2 h 1 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH to open the page with")
def test_chromium_opens_it_without_complaint(file: Path, tmp_path: Path) -> None:
    flags = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    more = f"--disable-sync --no-first-run --user-data-dir={tmp_path} --enable-logging=stderr --v=0 --dump-dom"
    command = ["chromium", *flags.split(), *more.split(), file.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert EVERYTHING[-1] in answer.stdout
    assert ":CONSOLE" not in answer.stderr
