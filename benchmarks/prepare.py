"""From raw NTU files to arrays ready for training, beside the field's own scripts on the same files.

    python -m benchmarks.prepare [--files 480] [--reference CHECKOUT] [--memory]

The reference is a checkout of CTR-GCN (https://github.com/Uason-Chen/CTR-GCN): its three scripts, which most of the
field took over, run as they are but for two names that NumPy no longer has. They end in padded arrays of both
protocols, ours in one store for all of them. ``--memory`` prepares 20,000 files and prints the peak.
"""

import argparse
import contextlib
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from pathlib import Path
from shutil import rmtree

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.timing import medians
from kineme.datasets.ntu import NTU60
from kineme.datasets.ntu_format import FastReader
from kineme.datasets.ntu_vectorised import read_vectorised
from kineme.datasets.prepare import prepare

MEAN_FRAMES, TWO_PERSONS, JOINTS = 82, 0.22, 25
DISTINCT = 300  # files of the memory run; the others are links to them
SCRIPTS = ("get_raw_skes_data.py", "get_raw_denoised_data.py", "seq_transformation.py")

_BODY = f"%d 0 1 1 1 1 0 %.7G %.7G 2\n{JOINTS}\n" + ("%.7G " * 11 + "%d\n") * JOINTS
_NUMBERS = {"setup": slice(1, 4), "camera": slice(5, 8), "performer": slice(9, 12), "label": slice(17, 20)}


@dataclass(frozen=True)
class Speed:
    """Files per second of CPU time on one core; mean frames and bytes of the files."""

    vectorised: float
    compiled: float
    reference: float | None
    mean_frames: float
    mean_bytes: float


class Vectorised(NTU60):
    """NTU60 as it is read without numba."""

    @property
    def fast_reader(self) -> FastReader:
        return read_vectorised


def names() -> Iterator[str]:
    """Names of NTU60's usable files, neighbours in setup, camera and performer."""
    missing = NTU60().listed_missing
    for a, r, p, c, s in product(range(1, 61), (1, 2), range(1, 41), range(1, 4), range(1, 18)):
        name = f"S{s:03d}C{c:03d}P{p:03d}R{r:03d}A{a:03d}"
        if name not in missing:
            yield name


def skeleton_text(num_frames: int, num_bodies: int, rng: np.random.Generator) -> str:
    """A file of wandering bodies, with as many digits as the sensor writes; end joints have no orientation."""
    stand = rng.uniform((-0.3, -0.8, 2.5), (0.3, 0.8, 3.5), (num_bodies, 1, JOINTS, 3))
    xyz = stand + rng.normal(0, 0.01, (num_bodies, num_frames, JOINTS, 3)).cumsum(axis=1)
    pixels = rng.normal((250, 200, 900, 500), 1, (*xyz.shape[:3], 4))
    turn = rng.normal(0, 0.3, (*xyz.shape[:3], 4))
    turn[:, :, [3, 15, 19, 21, 22, 23, 24]] = 0
    state = rng.choice([1, 2], (*xyz.shape[:3], 1), p=[0.15, 0.85])
    joints = np.concatenate([xyz, pixels, turn, state], axis=-1, dtype=np.float32).reshape(num_bodies, num_frames, -1)
    lean = rng.normal(0, 0.1, (num_bodies, num_frames, 2))
    rows = np.concatenate([lean, joints], axis=-1, dtype=np.float32).tolist()
    first = 72057594037930000 + int(rng.integers(5_000))
    frames = ("".join(_BODY % (first + 8 * m, *rows[m][t]) for m in range(num_bodies)) for t in range(num_frames))
    return f"{num_frames}\n" + "".join(f"{num_bodies}\n{frame}" for frame in frames)


def write_files(folder: Path, num_files: int) -> list[Path]:
    """Files with lengths and body counts as in NTU RGB+D."""
    rng, spread = np.random.default_rng(0), 0.4
    lengths = rng.lognormal(np.log(MEAN_FRAMES) - spread**2 / 2, spread, num_files)
    lengths = (lengths * MEAN_FRAMES / lengths.mean()).round().astype(int)
    bodies = 1 + rng.permutation(np.arange(num_files) < TWO_PERSONS * num_files)
    folder.mkdir(parents=True)
    files = [folder / f"{name}.skeleton" for name in islice(names(), num_files)]
    for file, num_frames, num_bodies in zip(files, lengths.tolist(), bodies.tolist(), strict=True):
        file.write_text(skeleton_text(num_frames, num_bodies, rng))
    return files


def measure(num_files: int = 480, reference: Path | None = None) -> Speed:
    """All ways on the same files, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "nturgbd_raw" / "nturgb+d_skeletons"  # where the scripts look for it from beside
        files = write_files(raw, num_files)
        out = Path(folder) / "out"
        ways: list[Callable[[], object]] = [
            lambda: prepare(Vectorised(), raw, out),
            lambda: prepare(NTU60(), raw, out),
        ]
        if reference is not None:
            ways.append(partial(run_scripts, reference, files, out))
        seconds = medians(*ways, rounds=5, clean_up=partial(rmtree, out))
        vectorised, compiled, *scripts = (num_files / each for each in seconds)
        mean_frames = float(np.mean([int(file.read_text().partition("\n")[0]) for file in files]))
        mean_bytes = float(np.mean([file.stat().st_size for file in files]))
    return Speed(vectorised, compiled, scripts[0] if scripts else None, mean_frames, mean_bytes)


def run_scripts(checkout: Path, files: list[Path], folder: Path) -> None:
    """The three scripts one after the other, in a folder of their own."""
    scripts = [(checkout / "data" / "ntu" / name).resolve() for name in SCRIPTS]
    write_statistics(folder / "statistics", [file.stem for file in files])
    with contextlib.chdir(folder), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for script in scripts:
            text = script.read_text().replace("np.int)", "int)").replace("np.string_", "np.bytes_")
            exec(compile(text, script, "exec"), {"__name__": "__main__"})
    for name in logging.root.manager.loggerDict:  # a second run would write every line twice
        logger = logging.getLogger(name)
        for handler in [each for each in logger.handlers if isinstance(each, logging.FileHandler)]:
            logger.removeHandler(handler)
            handler.close()


def write_statistics(folder: Path, stems: list[str]) -> None:
    """The tables of file names that come with the scripts, for these files."""
    folder.mkdir(parents=True)
    stems = sorted(stems)
    (folder / "skes_available_name.txt").write_text("\n".join(stems))
    for table, digits in _NUMBERS.items():
        (folder / f"{table}.txt").write_text("\n".join(str(int(stem[digits])) for stem in stems))


def peak_memory(num_files: int = 20_000, jobs: int = 1) -> tuple[float, float]:
    """MiB of memory at the most: of a fresh process that prepares so many files, and of its largest worker."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        files = write_files(raw, min(DISTINCT, num_files))
        for i, name in enumerate(islice(names(), len(files), num_files)):
            (raw / f"{name}.skeleton").hardlink_to(files[i % len(files)])
        command = [sys.executable, "-m", "benchmarks.prepare", "--prepare", str(raw), "--jobs", str(jobs)]
        peaks = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return peaks[0] / 1024, peaks[1] / 1024


def prepare_and_print_peak(raw: Path, jobs: int) -> None:
    """What `peak_memory` runs in a process of its own."""
    from joblib.externals.loky import get_reusable_executor

    prepare(NTU60(), raw, raw.with_name("store"), jobs=jobs)
    if jobs > 1:
        get_reusable_executor().shutdown()  # only workers that have ended are counted
    print(json.dumps([resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=480)
    parser.add_argument("--reference", type=Path, help="checkout of CTR-GCN")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.prepare:
        prepare_and_print_peak(args.prepare, args.jobs)
    elif args.memory:
        print_memory()
    else:
        print_speed(measure(args.files, args.reference))


def print_memory() -> None:
    """The peak with one process and with two workers."""
    table = Table("20,000 files", "peak of the process", "of its largest worker")
    for jobs in (1, 2):
        own, worker = peak_memory(jobs=jobs)
        table.add_row(f"jobs={jobs}", f"{own:,.0f} MiB", f"{worker:,.0f} MiB" if jobs > 1 else "")
    Console().print(table)


def print_speed(speed: Speed) -> None:
    """Files per second of every way, and how many times the reference that is."""
    files_are = f"{speed.mean_frames:.0f} frames, {speed.mean_bytes / 1e3:.0f} KB"
    table = Table(files_are, "files/s of one core", "times the reference")
    rows = {"ours, NumPy": speed.vectorised, "ours, numba": speed.compiled, "reference": speed.reference}
    for name, files in rows.items():
        if files is not None:
            table.add_row(name, f"{files:,.0f}", f"{files / speed.reference:.1f}" if speed.reference else "")
    Console().print(table)


if __name__ == "__main__":
    main()
