"""``kineme demo``: the whole road, once, on motions that the library makes itself."""

import time
from pathlib import Path

from rich.text import Text

from kineme.cli import data, data_prepare
from kineme.cli.console import console
from kineme.cli.evaluate import evaluate_run
from kineme.cli.pretrain import training_display
from kineme.cli.report import write_report
from kineme.errors import StoreError


def demo(*, out: Path = Path("demo"), seed: int = 0) -> int:
    """Go the whole road on synthetic motions: raw files, check, store, pretraining without labels, evaluation, report.

    Takes about three minutes on two cores. Every step prints the command that does the same for your data.

    Args:
        out: folder for everything the demo makes; must not exist.
        seed: of the motions and of the pretraining.
    """
    from kineme.datasets import datasets

    if out.exists():
        raise StoreError(f"{out} exists; remove it, or choose another folder: kineme demo --out FOLDER")
    began = time.monotonic()
    raw, store, run = out / "raw", out / "store", out / "run"
    _say("write raw files in the format of NTU RGB+D", "(your download)")
    _write_raw(raw, seed)
    _say("read every file and name the broken ones", f"kineme data check synthetic {raw}")
    data.check("synthetic", raw, jobs=-1)
    _say("make a store of the good ones", f"kineme data prepare synthetic {raw} --out {store}")
    data_prepare.command_for(datasets.get("synthetic"))(raw, out=store, jobs=-1)
    _say("learn without labels", f"kineme pretrain mamp-demo --store {store} --out {run}")
    _pretrain(store, run, seed)
    for protocol in ("linear", "knn"):
        _say(f"measure: {protocol}", f"kineme eval {protocol} {run} --store {store}")
        evaluate_run(protocol, run, store)
    _say("report", f"kineme report {run} --out {out}")
    write_report([run], out)
    console.print(f"done in {time.monotonic() - began:.0f} s")
    return 0


def _say(what: str, command: str) -> None:
    console.print(Text.assemble("\n", (what, "bold"), "  ", (command, "dim")), soft_wrap=True)


def _write_raw(folder: Path, seed: int) -> None:
    """Raw files, one of them cut off in the middle as downloads are."""
    from kineme.synthetic import write_ntu_files

    files = write_ntu_files(folder, num_subjects=10, clips_per=4, seed=seed)
    content = files[0].read_bytes()
    files[0].write_bytes(content[: len(content) // 2])


def _pretrain(store: Path, run: Path, seed: int) -> None:
    from kineme.recipes.base import recipe_config
    from kineme.store import SkeletonStore
    from kineme.train.loop import fit

    config = recipe_config("mamp-demo")
    config = config.with_changes(train=config.train.with_changes(seed=seed))
    with training_display() as on_step:
        fit(config, SkeletonStore.open(store), run, on_step=on_step)
