"""Arrays that are already in memory or in one ``.npz`` file, as stores."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from kineme.errors import SourceError
from kineme.layout import Layout
from kineme.store import SkeletonStore

_META = {"subject": "subject", "camera": "camera", "view": "camera", "setup": "setup", "trial": "replication"}


def load_ragged_npz(path: Path, layout: Layout | str, *, fps: float = 0.0) -> SkeletonStore:
    """Store in memory from one ``.npz`` of concatenated clips.

    Args:
        path: holds ``data`` (F, V, C) or (F, M, V, C) and ``offsets`` (N + 1,); may hold ``label``, ``name``,
            ``subject``, ``camera`` or ``view``, ``setup``, ``trial`` (N,), and ``classes``.
        layout: joint layout, or its name.
        fps: frames per second.

    Raises:
        SourceError: not such a file.
        ClipError: a clip that a store cannot hold.
    """
    arrays = _load(path)
    missing = {"data", "offsets"} - set(arrays)
    if missing:
        raise SourceError(path, f"no array {' and '.join(sorted(missing))}, found {sorted(arrays)}")
    data, offsets = arrays["data"], arrays["offsets"]
    if (
        offsets.ndim != 1
        or offsets.dtype.kind not in "iu"
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(data)
        or (offsets[1:] <= offsets[:-1]).any()
    ):
        raise SourceError(path, f"offsets must be whole numbers that rise from 0 to {len(data)}, the frames in data")
    clips = [np.moveaxis(clip, 1, 0) if clip.ndim == 4 else clip for clip in np.split(data, offsets[1:-1])]
    columns = {name: arrays[name] for name in ("label", "name", *_META) if name in arrays}
    uneven = [f"{name} {column.shape}" for name, column in columns.items() if column.shape != (len(clips),)]
    if uneven:
        raise SourceError(path, f"{len(clips)} clips, but {', '.join(uneven)}")
    return SkeletonStore.from_arrays(
        clips,
        layout,
        labels=columns["label"].tolist() if "label" in columns else None,
        ids=columns["name"].tolist() if "name" in columns else None,
        classes=arrays["classes"].tolist() if "classes" in arrays else None,
        fps=fps,
        provenance={"dataset": path.stem, "preparation": "import", "source": path.name},
        **{ours: columns[theirs].tolist() for theirs, ours in _META.items() if theirs in columns},
    )


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError as error:
        raise SourceError(path, "no such file") from error
    except (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise SourceError(path, f"not an .npz file of plain arrays ({error})") from error
