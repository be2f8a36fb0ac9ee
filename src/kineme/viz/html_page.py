"""HTML that is safe by construction: elements whose text is escaped, and a page that loads nothing from anywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("html_page.css")
_VOID = frozenset({"br", "img", "meta"})
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Browsers refuse everything else that a page could load or run."""


class Html(str):
    """Text that is HTML; any other text is escaped where it meets an element."""


@dataclass(frozen=True)
class Section:
    """Part of a page below a heading.

    Args:
        title: the heading.
        parts: what comes below it; a section without any is left out.
    """

    title: str
    parts: Sequence[Html]


def element(name: str, *children: str, **attributes: str) -> Html:
    """An element around children.

    Args:
        name: of the tag.
        children: elements, or text.
        attributes: by their names; ``class_`` stands for ``class``, ``http_equiv`` for ``http-equiv``.
    """
    keys = (key.strip("_").replace("_", "-") for key in attributes)
    written = "".join(f' {key}="{escape(value)}"' for key, value in zip(keys, attributes.values(), strict=True))
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Html:
    """Elements and texts one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def paragraph(text: str, kind: str = "") -> Html:
    """A paragraph; ``kind`` is ``quiet`` for what is beside the point and ``warning`` for what must not be missed."""
    return element("p", text, class_=kind) if kind else element("p", text)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table whose first column names its rows.

    Args:
        caption: what it shows.
        head: names of columns.
        rows: cells, texts or whole ``td`` elements; the first is never a ``td``.
    """
    columns = element("tr", *(element("th", name, scope="col") for name in head))
    body = (element("tr", element("th", first, scope="row"), *map(_cell, rest)) for first, *rest in rows)
    whole = element("table", element("caption", caption), element("thead", columns), element("tbody", *body))
    return _scrolled(whole, caption)


def picture(source: str, caption: str, alt: str) -> Html:
    """A picture with a caption.

    Args:
        source: data: address of the picture.
        caption: what to look at.
        alt: what is shown, for those who do not see it.
    """
    frame = _scrolled(element("img", src=source, alt=alt), caption)
    return element("figure", frame, element("figcaption", caption))


def page(title: str, lead: str, sections: Sequence[Section]) -> Html:
    """A whole document with a list of its sections; those that are empty are left out."""
    there = [(f"section-{i}", section) for i, section in enumerate(sections, 1) if section.parts]
    links = (element("li", element("a", section.title, href=f"#{name}")) for name, section in there)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(STYLE.read_text(encoding="utf-8"))),
    )
    top = element("header", element("h1", title), paragraph(lead, "quiet"))
    contents = element("nav", element("ul", *links), aria_label="Contents")
    main = element("main", *(_section(name, section) for name, section in there))
    return Html("<!DOCTYPE html>\n" + element("html", head, element("body", top, contents, main), lang="en") + "\n")


def _section(name: str, section: Section) -> Html:
    heading = element("h2", section.title, id=f"{name}-title")
    return element("section", heading, *section.parts, id=name, aria_labelledby=f"{name}-title")


def _cell(content: str) -> Html:
    return content if isinstance(content, Html) and content.startswith("<td") else element("td", content)


def _scrolled(content: Html, name: str) -> Html:
    """What is wider than the screen scrolls by itself, by keyboard too."""
    return element("div", content, class_="scroll", role="group", aria_label=name, tabindex="0")
