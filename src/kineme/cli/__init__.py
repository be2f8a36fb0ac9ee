"""The ``kineme`` command: a table of names and the functions behind them, imported only when called.

Nothing heavy is imported to answer ``--help``; torch is imported by the functions that need it, when they run.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Final

COMMANDS: Final = {
    "demo": ("demo:demo", "raw files to a measured result in minutes, on synthetic motions"),
    "data check": ("data:check", "read every raw file of a download and name what is broken"),
    "data prepare": ("data_prepare:prepare", "turn a raw download into a skeleton store"),
    "data import": ("data_import:import_recordings", "turn recordings of your own into a skeleton store"),
    "data convert": ("data:convert", "change the joint layout of a store"),
    "data export": ("data:export", "write a store in a format that the field's own code reads"),
    "data info": ("data:info", "what is in a store"),
    "data show": ("data:show", "draw clips of a store as stick figures"),
    "datasets": ("lists:datasets", "datasets whose raw downloads can be read"),
    "formats": ("lists:formats", "formats that can be imported and exported"),
    "layouts": ("lists:layouts", "joint layouts"),
    "recipes": ("lists:recipes", "recipes of all methods and datasets"),
    "published": ("published:published", "published accuracies, with their sources and how sure each is"),
    "pretrain": ("pretrain:pretrain", "train a recipe: most learn a representation without labels"),
    "finetune": ("finetune:finetune", "train a whole network on labels, all or a share of them"),
    "import-weights": ("import_weights:import_weights", "make a run of weights that the authors published"),
    "masks": ("masks:masks", "draw what a masked method hides of clips and what it predicts"),
    "regions": ("regions:regions", "draw which joints of clips a contrastive method looks at, and when"),
    "attention": ("attention:attention", "draw which joints of clips receive a network's attention, and when"),
    "views": ("views:views", "draw the augmented views that training makes of clips"),
    "eval linear": ("evaluate:linear", "linear probe on frozen features"),
    "eval logreg": ("evaluate:logreg", "logistic regression on frozen features"),
    "eval common": ("evaluate:common", "one fixed probe, to compare encoders of any family"),
    "eval knn": ("evaluate:knn", "nearest neighbours on frozen features"),
    "eval refined": ("evaluate:refined", "nearest neighbour in features that an auto-encoder compressed"),
    "eval retrieval": ("evaluate:retrieval", "mean average precision and recall on frozen features"),
    "eval few-shot": ("few_shot:few_shot", "a few labelled clips of every class, the nearest class mean"),
    "eval classify": ("evaluate:classify", "a trained classifier by its own head"),
    "eval robustness": ("robustness:robustness", "accuracy on corrupted test clips, and one mean figure"),
    "eval fusion": ("fusion:fusion", "several streams judged together, by the sum of their class scores"),
    "eval coordinates": ("evaluate:coordinates", "what plain coordinates achieve, for comparison"),
    "compare": ("compare:compare", "two results on the same clips: their difference and how sure it is"),
    "repeat": ("repeat:repeat", "train and measure a recipe with several seeds"),
    "reproduce": ("reproduce:reproduce", "whole tables of results, ours beside the published"),
    "folds": ("folds:folds", "train and measure a recipe on every split of a family"),
    "confusion": ("pictures:confusion", "draw what clips of each class were taken for"),
    "tsne": ("pictures:tsne", "draw how the features of clips lie"),
    "report": ("report:report", "table, JSON and figure of evaluated runs"),
    "bench": ("bench:bench", "how fast recipes train on this machine, and how long the whole would take"),
    "doctor": ("doctor:doctor", "check this installation and machine"),
}

_USAGE = """usage: kineme COMMAND [OPTIONS]

Learn from human skeleton motion: raw recordings to a store, pretraining without labels,
and evaluation that can be believed.

commands (kineme COMMAND --help explains each):
{commands}

first steps:
  kineme demo                                                   everything once, in minutes
  kineme data prepare nucla RAW_FOLDER --out nucla.store        a raw download becomes a store
  kineme pretrain mamp-nucla --store nucla.store --out run      learn without labels
  kineme eval linear run --store nucla.store                    measure what was learned
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named by the first words; returns the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    name, rest = _split(args)
    if name is None:
        return _explain(args)
    from kineme.cli.console import run_command

    module_name, function_name = COMMANDS[name][0].split(":")
    module = import_module(f"kineme.cli.{module_name}")
    return run_command(f"kineme {name}", getattr(module, function_name), rest, getattr(module, "specialise", None))


def _split(args: list[str]) -> tuple[str | None, list[str]]:
    """Command name of one or two words, and what follows it."""
    for words in (2, 1):
        if " ".join(args[:words]) in COMMANDS:
            return " ".join(args[:words]), args[words:]
    return None, args


def _explain(args: list[str]) -> int:
    """Usage on request, or what was probably meant."""
    words = [arg for arg in args if not arg.startswith("-")]
    group = [name for name in COMMANDS if words and name.startswith(f"{words[0]} ")]
    if "--version" in args:
        import kineme

        sys.stdout.write(f"kineme {kineme.__version__}\n")
        return 0
    unknown = [arg for arg in args if arg.startswith("-") and arg not in ("-h", "--help")]
    if unknown and not words:
        sys.stderr.write(f"kineme: no option {unknown[0]}; kineme --help lists the commands\n")
        return 2
    if not words or (group and len(words) == 1):
        names = group or list(COMMANDS)
        width = max(map(len, names)) + 2
        lines = "\n".join(f"  {name:<{width}}{COMMANDS[name][1]}" for name in names)
        sys.stdout.write(_USAGE.format(commands=lines))
        return 0
    close = get_close_matches(" ".join(words[:2]), COMMANDS, n=3) or get_close_matches(words[0], COMMANDS, n=3)
    known = ", ".join(close or group or COMMANDS)
    sys.stderr.write(f"kineme: no command {' '.join(words[:2])!r}; perhaps you meant: {known}\n")
    return 2
