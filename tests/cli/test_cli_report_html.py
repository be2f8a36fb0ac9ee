"""``kineme report --html``: the page, and what its options need."""

from pathlib import Path

import pytest

from command_line import TINY, refuse, succeed


@pytest.fixture(scope="module")
def run(store: Path) -> Path:
    path = store.with_name("run")
    succeed("pretrain", "mae-compact", "--store", store, "--out", path, *TINY)
    succeed("eval", "knn", path, "--store", store)
    return path


def test_a_page(run: Path, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    out = succeed("report", run, "--out", tmp_path, "--html", file, "--store", store, "--clips", 1)
    assert out.splitlines()[-1] == str(file)
    text = file.read_text(encoding="utf-8")
    assert "knn@1 on nucla-xview" in text
    assert text.count("drawn on stick figures") == 2  # masks and attention
    assert (tmp_path / "report.json").is_file()


def test_a_page_without_skeletons(run: Path, tmp_path: Path) -> None:
    succeed("report", run, "--out", tmp_path, "--html", tmp_path / "report.html")
    assert "stick figures" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_options_that_cannot_be(run: Path, store: Path, tmp_path: Path) -> None:
    assert "--html FILE" in refuse("report", run, "--store", store)
    assert "ends in .html" in refuse("report", run, "--html", tmp_path / "report.pdf")
    assert "--clips 0" in refuse("report", run, "--html", tmp_path / "report.html", "--clips", 0)
    page = ("--out", tmp_path, "--html", tmp_path / "report.html")
    assert "no skeleton store here" in refuse("report", run, *page, "--store", tmp_path)
    assert not (tmp_path / "report.html").exists()
