"""Preparation on a Dask cluster of two local workers."""

import subprocess
import sys
from pathlib import Path

import pytest

from kineme.datasets import datasets
from kineme.datasets.cluster import dask_workers
from kineme.datasets.prepare import prepare
from kineme.errors import ConfigError
from skeleton_text import tracks_text, walker

# A process of its own: the cluster's threads and sockets outlive it by a moment.
ON_A_CLUSTER = """
import sys
from distributed import LocalCluster
from kineme.datasets import datasets
from kineme.datasets.prepare import check, prepare

if __name__ == "__main__":
    raw, out = sys.argv[1:]
    dataset = datasets.get("ntu60")()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        prepare(dataset, raw, out, dask=cluster.scheduler_address)
        assert check(dataset, raw, dask=cluster.scheduler_address).clips == 70
        names = cluster.scheduler.workers
        assert len(names) == 2
"""


def test_a_cluster_writes_the_same_store(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(70):
        name = f"S001C{number % 3 + 1:03d}P{number // 60 + 1:03d}R001A{number % 60 + 1:03d}.skeleton"
        (raw / name).write_text(tracks_text(3, [(range(3), walker(3, seed=number))]))
    (raw / "S001C001P010R001A001.skeleton").write_text("3\n1\n")
    prepare(datasets.get("ntu60")(), raw, tmp_path / "alone")
    script = tmp_path / "on_a_cluster.py"
    script.write_text(ON_A_CLUSTER)
    subprocess.run([sys.executable, script, raw, tmp_path / "cluster"], check=True, timeout=120)
    for file in ("xyz.npy", "present.npy", "clips.npy", "store.json", "report.json"):
        assert (tmp_path / "alone" / file).read_bytes() == (tmp_path / "cluster" / file).read_bytes(), file


def test_an_address_nobody_answers_at() -> None:
    nobody = dask_workers("nonsense", timeout=0.1)
    with pytest.raises(ConfigError, match=r"no Dask scheduler answers at nonsense.*start one with: dask scheduler"):
        nobody.__enter__()
