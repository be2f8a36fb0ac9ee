"""A run that trained several streams at once, taken apart into runs of one stream each."""

from pathlib import Path

from torch import Tensor

from kineme.errors import RunError
from kineme.methods.crosclr import CrosSCLR, CrosSCLRConfig
from kineme.methods.momentum_contrast import MomentumConfig
from kineme.methods.skeletonclr import SkeletonCLRConfig
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.run_dir import CLIPS, RunDir, write_atomically


def stream_runs(run: RunDir) -> list[RunDir]:
    """Runs of the single streams of a CrosSCLR run, in its folder ``streams``; of any other run, itself.

    A stream by itself is SkeletonCLR that reads this stream; it can be evaluated and fine-tuned as any run. It has
    the stream's encoder; all else, which only pretraining needs, is as initialised.

    Raises:
        RunError: no weights yet, or other runs in the folder.
    """
    if not isinstance(run.config.method, CrosSCLRConfig):
        return [run]
    method = run.load_method()
    assert isinstance(method, CrosSCLR)
    encoders = [stream.encoder.state_dict() for stream in method.streams.values()]
    folders = stream_folders(run.path, run.config)
    return [_stream_run(run, folder, weights) for folder, weights in zip(folders, encoders, strict=True)]


def stream_folders(path: Path, config: RunConfig) -> list[Path]:
    """Folders of the runs of single streams of a run, in their order."""
    if not isinstance(config.method, CrosSCLRConfig):
        return [path]
    return [path / "streams" / stream for stream in ("joint", *config.method.others)]


def _stream_run(run: RunDir, folder: Path, encoder: dict[str, Tensor]) -> RunDir:
    """Run of one stream with the encoder's present weights; made where it is not there yet."""
    stream = folder.name
    config = _config(run.config, stream)
    weights = build_method(config, run.layout, run.record.channels).state_dict()
    weights |= {f"encoder.{name}": value for name, value in encoder.items()}
    if not (folder / "run.json").exists():
        origin = {"run": str(run.path), "stream": stream}
        single = RunDir.create_imported(folder, config, run.layout, run.record.channels, weights, origin)
    else:
        single = RunDir.open(folder)
        if single.config != config:
            raise RunError(f"{folder} is not of the run in {run.path}; remove it and give the command again")
        single.save_weights(weights)
    if (run.path / CLIPS).exists():
        write_atomically(folder / CLIPS, (run.path / CLIPS).read_bytes())
    return single


def _config(config: RunConfig, stream: str) -> RunConfig:
    """The configuration with which the stream alone would be pretrained."""
    shared = {name: getattr(config.method, name) for name in MomentumConfig.model_fields if name != "name"}
    prepare = config.prepare.with_changes(stream=stream)
    return config.with_changes(method=SkeletonCLRConfig(**shared), prepare=prepare, published=())
