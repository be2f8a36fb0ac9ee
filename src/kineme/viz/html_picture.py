"""Figures as pictures inside an HTML page."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from kineme.viz.html_page import Html, picture

_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


def drawn_picture(draw: Callable[[Path], object], caption: str, alt: str, suffix: str = ".svg") -> Html:
    """A figure with a caption, all of it within the page.

    Args:
        draw: draws the figure into a file.
        caption: what to look at.
        alt: what is shown, for those who do not see it.
        suffix: .svg, or .png for what has too many parts to be kept one by one.
    """
    from matplotlib import rc_context

    # Names of classes and runs are no formulas, whatever dollar signs they have.
    with TemporaryDirectory() as folder, rc_context({"text.parse_math": False}):
        file = Path(folder) / f"figure{suffix}"
        draw(file)
        content = b64encode(file.read_bytes()).decode()
    return picture(f"data:{_KINDS[suffix]};base64,{content}", caption, alt)
