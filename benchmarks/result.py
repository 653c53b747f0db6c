# SPDX-License-Identifier: Apache-2.0
"""One run as JSON: what was measured, on what, and which goals it meets. Everything shown is computed from this."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.goals import GOALS, Outcome, outcome
from benchmarks.rounds import Spread, Timings

__all__ = ["LATEST", "RESULTS", "Result"]

RESULTS: Final = Path(__file__).with_name("results")
LATEST: Final = RESULTS / "latest.json"


@dataclass(frozen=True)
class Result:
    """`sections`: cases that were measured in the same rounds. `spreads`: those whose operations were timed one by one.
    `machine`: see `machine.described`.
    """

    measured_at: str
    commit: str
    quick: bool
    machine: dict[str, Any]
    sections: dict[str, Timings]
    spreads: dict[str, dict[str, Spread]] = field(default_factory=dict)

    @classmethod
    def of_now(
        cls,
        commit: str,
        machine: dict[str, Any],
        sections: dict[str, Timings],
        spreads: dict[str, dict[str, Spread]],
        *,
        quick: bool,
    ) -> Result:
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return cls(moment, commit, quick, machine, sections, spreads)

    @classmethod
    def read(cls, file: Path) -> Result:
        content = json.loads(file.read_text("utf-8"))
        sections = {
            section: {name: case["rounds"] for name, case in cases.items()}
            for section, cases in content["sections"].items()
        }
        spreads = {
            section: {name: Spread(**case["each"]) for name, case in cases.items() if "each" in case}
            for section, cases in content["sections"].items()
        }
        return cls(content["measured_at"], content["commit"], content["quick"], content["machine"], sections, spreads)

    def write(self, file: Path) -> None:
        content = {
            "measured_at": self.measured_at,
            "command": "make bench",
            "commit": self.commit,
            "quick": self.quick,
            "machine": self.machine,
            "goals": [_as_json(each) for each in self.outcomes],
            "unit": "microseconds per operation, except where the name says bytes",
            "sections": {
                section: {
                    name: _summary(times, self.spreads.get(section, {}).get(name)) for name, times in timings.items()
                }
                for section, timings in self.sections.items()
            },
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, indent=1, ensure_ascii=False)
        # A list of numbers goes on one line.
        text = re.sub(r"\[[\d\s.,-]+\]", lambda numbers: " ".join(numbers[0].split()), text)
        file.write_text(text + "\n", "utf-8")

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome(goal, self.sections) for goal in GOALS]

    @property
    def file_name(self) -> str:
        """`<date>-<time>-<commit>.json`: runs of one day do not replace each other."""
        moment = self.measured_at.removesuffix(" UTC").replace(" ", "-").replace(":", "")
        return f"{moment}-{self.commit.rstrip('+')}.json"


def _summary(times: list[float], spread: Spread | None) -> dict[str, Any]:
    rounded = [round(time, 3) for time in times]
    content = {"minimum": min(rounded), "median": round(statistics.median(times), 3), "rounds": rounded}
    if spread is not None:
        content["each"] = asdict(Spread(round(spread.p50, 3), round(spread.p99, 3), spread.operations))
    return content


def _as_json(outcome: Outcome) -> dict[str, Any]:
    content: dict[str, Any] = {"case": outcome.goal.case, "goal": outcome.goal.text, "verdict": outcome.verdict}
    if outcome.figure is not None:
        figure = outcome.figure
        content |= {
            "figure": round(figure.median, 4),
            "quartiles": [round(figure.low, 4), round(figure.high, 4)],
            "figure_of_minima": round(figure.of_minima, 4),
        }
    return content
