# SPDX-License-Identifier: Apache-2.0
"""What a session check adds to a request, ours beside the peers', as a picture for the README."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from benchmarks import names
from benchmarks.goals import added_cost
from benchmarks.result import Result
from benchmarks.rounds import Figure

__all__ = ["draw"]

_OURS: Final = "#1a7f5a"
_PEERS: Final = "#9aa3ad"
_BARS: Final = {
    names.OURS_GET: "ours, token seen before",
    names.OURS_QUERY: "ours, blacklisting: asks SQLite each time",
    names.OURS_FIRST_SIGHT: "ours, first sight of a token",
    names.SIGNED_COOKIE: "Flask's signed cookie",
    names.JWT_EXTENDED_HS256: "Flask-JWT-Extended, HS256",
    names.JWT_EXTENDED_RS256: "Flask-JWT-Extended, RS256",
    names.FLASK_LOGIN: "Flask-Login, user in memory",
    names.FLASK_LOGIN_SQLITE: "Flask-Login, user in SQLite",
    names.FILE_SESSION: "Flask-Session in files",
    names.VALKEY_SESSION: "Flask-Session on Valkey",
    names.SUPERTOKENS_FLASK: "supertokens-flask 1.4.1",
    names.SUPERTOKENS_PYTHON: "supertokens-python 0.31.4",
}
"""Flask-Session in SQLite and the peers of other frameworks are in the tables only: beside the first all other bars
would be dots, and the others stand beside another bare route."""


def draw(result: Result, folder: Path) -> None:
    """Write `latest.png` and `latest.svg`."""
    timings = result.sections["per request"]
    figures = _added(result)
    ordered = sorted(figures, key=lambda name: figures[name].median, reverse=True)
    widths = [figures[name].median for name in ordered]
    spread = [
        [figures[name].median - figures[name].low for name in ordered],
        [figures[name].high - figures[name].median for name in ordered],
    ]
    # A fixed salt: the same result gives the same file.
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
        colours = [_OURS if name.startswith("ours") else _PEERS for name in ordered]
        axes.barh([_BARS[name] for name in ordered], widths, color=colours, height=0.66)
        axes.errorbar(widths, range(len(ordered)), xerr=spread, fmt="none", ecolor="#30363d", elinewidth=0.8)
        for row, name in enumerate(ordered):
            added, end = figures[name].median, figures[name].high
            text = f"{added:.0f} µs" if added >= 20 else f"{added:.1f} µs"
            axes.annotate(text, (end, row), xytext=(5, 0), textcoords="offset points", va="center")
        axes.set_title("What a session check adds to a GET in Flask", loc="left", fontweight="bold")
        bare = statistics.median(timings[names.BARE_GET])
        # Below the whole figure: the axes are too narrow for the line.
        figure.supxlabel(
            f"µs per request on top of a bare route ({bare:.0f} µs), through WSGI; median and quartiles, less is better"
            f"\nmake bench, {result.measured_at[:10]}, {result.machine['cpu']}, {result.machine['python']}",
            fontsize=9,
        )
        axes.set_xlim(0, max(figures[name].high for name in ordered) * 1.12)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.savefig(folder / "latest.png", dpi=150)
        figure.savefig(folder / "latest.svg", metadata={"Date": None})
        plt.close(figure)


def _added(result: Result) -> dict[str, Figure]:
    """What is added by those that were measured, each to the bare route of its own rounds."""
    figures: dict[str, Figure] = {}
    for timings in (result.sections["per request"], result.sections.get("other peers", {})):
        for name in _BARS:
            if name in timings and name not in figures:
                figures[name] = Figure.of(added_cost(name, names.BARE_OF.get(name, names.BARE_GET)), timings)
    return figures
