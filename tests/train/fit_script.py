"""Train in processes of its own: ``fit_script.py STORE CONFIG OUT DEVICES [STEP SIGNAL]``.

Goes on with the run that is there. After STEP the first process sends itself SIGNAL.
"""

import os
import sys
from pathlib import Path

import torch

from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.loop import Report, fit


def main(store: str, config: str, out: str, devices: str, step: str = "0", signal: str = "0") -> None:
    torch.set_num_threads(1)

    def die(report: Report) -> None:
        if report.step == int(step) and os.environ.get("LOCAL_RANK", "0") == "0":
            os.kill(os.getpid(), int(signal))

    run = RunConfig.load(Path(config))
    resume = (Path(out) / "run.json").exists()
    fit(run, SkeletonStore.open(store), out, resume=resume, accelerator="cpu", devices=int(devices), on_step=die)


if __name__ == "__main__":
    main(*sys.argv[1:])
