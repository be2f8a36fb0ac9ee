"""``kineme eval few-shot``: the table and the file."""

from pathlib import Path

import pytest

from command_line import Answer, kineme
from fake import small_store, tiny_config
from kineme.evaluate.few_shot import FewShot
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

SPLIT = "nucla-xview"


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    """A run and its store."""
    store, config = small_store(num_clips=24), tiny_config(split=SPLIT)
    store.save(tmp_path / "store")
    run = RunDir.create(tmp_path / "run", config, store, 16)
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    return run.path, tmp_path / "store"


def few_shot(paths: tuple[Path, Path], *options: object) -> Answer:
    return kineme("eval", "few-shot", paths[0], "--store", paths[1], *options)


def test_table_and_file(paths: tuple[Path, Path]) -> None:
    answer = few_shot(paths, "--shots", 1, 50, "--draws", 4)
    assert answer.status == 0, answer.err
    result = FewShot.load(paths[0] / "few_shot" / "few-shot.json")
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in answer.out.splitlines() if line.startswith("│")
    ]
    parts = {"pretrained": result.scores, "untrained twin": result.untrained, "coordinates": result.coordinates}
    assert rows == [
        [
            what,
            str(score.shots),
            f"{100 * score.accuracy:.1f}",
            f"{100 * score.worst:.1f} to {100 * score.best:.1f}",
            f"{100 * score.low:.1f} to {100 * score.high:.1f}",
        ]
        for what, scores in parts.items()
        for score in scores
    ]
    assert f"{result.clips} test clips, 4 draws" in answer.out
    assert f"chance {100 * result.chance:.1f} %" in answer.out
    assert "classes with fewer training clips, all of them used: swing 1 times (" in answer.out


def test_without_controls(paths: tuple[Path, Path]) -> None:
    answer = few_shot(paths, "--shots", 1, "--draws", 2, "--no-controls")
    assert answer.status == 0, answer.err
    assert "untrained twin" not in answer.out
    assert "fewer training clips" not in answer.out


def test_what_cannot_be_measured(paths: tuple[Path, Path]) -> None:
    for options, message in ((["--shots", 0], "shots from 1"), (["--draws", 0], "0 draws"), (["--seed", -1], "--seed")):
        answer = few_shot(paths, *options)
        assert (answer.status, message in answer.err) == (1, True), answer
