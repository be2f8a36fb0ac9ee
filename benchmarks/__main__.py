"""Prints one table."""

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import feeder, prepare, store


def main() -> None:
    """Measure everything on one thread and print it."""
    torch.set_num_threads(1)
    table = Table("what", "ours", "plain", "ratio")
    opened, read = store.milliseconds_to_open()
    table.add_row(f"open a store of {store.NUM_CLIPS:,} clips", f"{opened:.1f} ms", "", "")
    table.add_row("open it and read 128 clips", f"{read:.1f} ms", "", "")
    speed = feeder.measure()
    table.add_row(
        f"crop, resize, rotate: batches of {feeder.BATCH}",
        f"{speed.ours:,.0f} clips/s",
        f"{speed.plain:,.0f} clips/s",
        f"{speed.ours / speed.plain:.1f}",
    )
    files = prepare.measure()
    table.add_row(
        "prepare NTU files: numba, NumPy",
        f"{files.compiled:,.0f} files/s",
        f"{files.vectorised:,.0f} files/s",
        f"{files.compiled / files.vectorised:.1f}",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
