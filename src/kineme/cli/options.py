"""Options that one dataset or format has and others do not."""

import re
from collections.abc import Callable
from dataclasses import Field, fields, make_dataclass
from inspect import getdoc
from typing import Annotated, Any, get_type_hints

import tyro


def with_options(command: Callable[..., None], options: type, summary: str, kind: type, generic: Any) -> None:
    """Give a command the parameter ``own`` of some options, and a help text.

    Args:
        command: function with a keyword ``own``.
        options: what `own_options` returned.
        summary: first line of the help.
        kind: dataset or format; what it is comes next.
        generic: function whose other parameters mean the same.
    """
    about = re.split(r"^(?:Args|Attributes|Raises|Source):", getdoc(kind) or "", flags=re.MULTILINE)[0].strip()
    _, args, parameters = (getdoc(generic) or "").partition("Args:\n")
    command.__doc__ = f"{summary}\n\n{about}\n\n{args}{parameters}"
    command.__annotations__["own"] = Annotated[options, tyro.conf.arg(name="")]


def own_options(kind: type, base: type) -> type:
    """Dataclass of the fields that ``kind`` adds to ``base``, documented as ``kind`` documents them."""
    inherited, types = {item.name for item in fields(base)}, get_type_hints(kind)
    own: list[tuple[str, Any, Field[Any]]] = []
    for item in fields(kind):
        if item.name not in inherited:
            own.append((item.name, types[item.name], item))
    return make_dataclass("Options", own, frozen=True, namespace={"__doc__": kind.__doc__})
