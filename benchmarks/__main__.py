"""How fast kineme is beside the code of the methods' authors, in one table.

    python -m benchmarks [--mamp CHECKOUT] [--actclr CHECKOUT] [--hacm CHECKOUT] [--rounds 5] [--clips 11] [--only TEXT]
    python -m benchmarks --gates

Both sides run in turns in a process of their own, on one thread, by processor time; figures are medians, ratios are
taken round by round and have their quartiles beside them. Rows need a checkout of the original: MAMP
(github.com/maoyunyao/MAMP), ActCLR (github.com/LanglandsLin/ActCLR; its feeder needs opencv-python-headless) or HA-CM
(github.com/YinxPeng/HA-CM-main, at commit f13611b).

With --gates only figures without noise are computed: in seconds, without checkouts. The exit status is 1 where one of
them is over its bound; that of the table never depends on what was measured.
"""

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks import (
    contrastive_views,
    encode,
    feeder,
    finetune_step,
    hacm_step,
    masked_step,
    probe,
    stgcn_step,
    store,
)
from benchmarks.gates import table_of_gates
from benchmarks.rows import REPOSITORIES, Effort, add_rows, in_own_process, table

MODULES = (masked_step, encode, probe, finetune_step, feeder, contrastive_views, stgcn_step, hacm_step, store)


def main() -> None:
    """Measure on one thread and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, repository in REPOSITORIES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="CHECKOUT", help=repository)
    parser.add_argument("--rounds", type=int, default=Effort.rounds, help="after one that does not count")
    parser.add_argument("--clips", type=int, default=Effort.clips, help="in the batch of a step")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows that are measured together with one named so")
    parser.add_argument(
        "--gates", action="store_true", help="figures without noise alone, and fail on one over its bound"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.gates:
        gates, hold = table_of_gates()
        Console().print(gates)
        sys.exit(not hold)
    effort, rows = Effort(args.rounds, args.clips), table()
    subjects = [m.SUBJECT for m in MODULES if any(args.only in goal.what for goal in m.SUBJECT.goals)]
    for subject in track(subjects, console=Console(stderr=True), transient=True):
        add_rows(rows, subject, in_own_process(subject, subject.needs and getattr(args, subject.needs), effort))
    Console().print(rows)


if __name__ == "__main__":
    main()
