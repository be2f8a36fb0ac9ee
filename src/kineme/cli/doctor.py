"""``kineme doctor``: is this machine ready, and if not, what is missing."""

import importlib.metadata
import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from rich.table import Table
from rich.text import Text

from kineme.cli.console import EXIT_ERROR, console

_NEEDED = ("torch", "lightning-fabric", "numpy", "pydantic", "tyro", "rich", "safetensors", "scikit-learn", "joblib")
_OPTIONAL = {
    "matplotlib": "figures: pip install 'kineme[viz]'",
    "numba": "a faster reader of NTU RGB+D: pip install 'kineme[fast]'",
    "h5py": "UWA3D: pip install 'kineme[hdf5]'",
    "distributed": "preparation on a Dask cluster: pip install 'kineme[dask]'",
}


def doctor() -> int:
    """Check this installation and machine: packages, devices, and a training step.

    Ends with status 1 where something is missing.
    """
    import kineme

    table = Table("what", "found", show_header=False)
    table.add_row("kineme", kineme.__version__)
    table.add_row("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    table.add_row("free disk here", f"{shutil.disk_usage(Path.cwd()).free / 2**30:.0f} GiB")
    missing = [name for name in _NEEDED if not _version(name)]
    for name in _NEEDED:
        table.add_row(name, _version(name) or Text("missing", style="red"))
    for name, why in _OPTIONAL.items():
        table.add_row(name, _version(name) if find_spec(name) else f"not installed ({why})")
    if not missing:
        table.add_row("processors", _processors())
        table.add_row("accelerator", _accelerator())
        table.add_row("training step", _training_step())
    console.print(table)
    return EXIT_ERROR if missing else 0


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processors() -> str:
    import torch

    return f"{os.cpu_count()}, torch uses {torch.get_num_threads()}"


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}, {memory:.0f} GiB each"
    return "mps" if torch.backends.mps.is_available() else "none, training runs on the processor"


def _training_step() -> str:
    """Pretrain a tiny network on tiny data, as proof that everything works together."""
    from tempfile import TemporaryDirectory

    from kineme.recipes.base import recipe_config
    from kineme.synthetic import synthetic_store
    from kineme.train.loop import fit

    config = recipe_config("mae-compact")
    config = config.with_changes(
        split=None,
        train=config.train.with_changes(epochs=1, batch_size=8),
        encoder=config.encoder.with_changes(width=16, depth=1, heads=1),
        prepare=config.prepare.with_changes(bodies=2),
    )
    store = synthetic_store(num_subjects=2, clips_per=1)
    with TemporaryDirectory() as folder:
        loss = fit(config, store, Path(folder) / "run").metrics()[-1]["loss"]
    return f"works (loss {loss:.3f})"
