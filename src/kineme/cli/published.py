"""``kineme published``: what papers report, with where it stands and how sure the copy is."""

from typing import Annotated

import tyro
from rich.table import Table

from kineme.cli.console import console

Method = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[METHOD]")]


def published(method: Method = "", /, *, split: str = "", protocol: str = "") -> None:
    """List published accuracies (top-1, percent), best first within a protocol: all, or those asked for.

    Args:
        method: one method's; capitals or not.
        split: on this split, such as ntu60-xsub.
        protocol: by this protocol, such as linear, knn, finetune, semi1 or fusion-linear.
    """
    from kineme.recipes.ledger import find, in_order

    entries = in_order(find(method=method, split=split, protocol=protocol))
    sources = list(dict.fromkeys(entry.source for entry in entries))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("method", "split", "protocol", "stream", "top-1", "epoch", "certainty", "source", "remarks"):
        table.add_column(head, overflow="fold")
    for entry in entries:
        what = (entry.method, entry.split, entry.protocol, entry.stream, str(entry.value))
        source = f"[{sources.index(entry.source) + 1}]"
        table.add_row(*what, entry.selection, entry.certainty, source, entry.remarks)
    console.print(table)
    for number, source in enumerate(sources, start=1):
        console.print(f"[{number}] {source}", soft_wrap=True)
