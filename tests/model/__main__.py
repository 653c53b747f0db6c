# SPDX-License-Identifier: Apache-2.0
"""The full product: every claim of the catalogue, the deep ones too. ``make model-deep`` runs this."""

from __future__ import annotations

import argparse
import sys
import time

from .catalogue import GROUPS
from .check import Check
from .checks_polling import table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"one or more of: {', '.join(GROUPS)} (default: all)"
    )
    parser.add_argument("--stories", action="store_true", help="tell every counterexample (so if a group is named)")
    options = parser.parse_args(arguments)
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    states, wrong = 0, []
    groups = options.groups or list(GROUPS)
    number, of = 0, sum(len(GROUPS[group]) for group in groups)
    for group in groups:
        print(f"-- {group}", flush=True)
        for check in GROUPS[group]:
            number += 1
            explored, holds = run(check, f"[{number}/{of}]", tells=options.stories or bool(options.groups))
            states += explored
            if not holds:
                wrong.append(check.claim)
    if "polling" in groups:
        print("mean time until theft is raised:")
        for line in table(hours=200 if options.groups else 40, seeds=20 if options.groups else 10):
            print(line, flush=True)
    print(f"model check: {states:,} states explored, {of} searches, {time.monotonic() - began:,.0f} s")
    for claim in wrong:
        print(f"UNEXPECTED: {claim}")
    return 1 if wrong else 0


def run(check: Check, place: str, *, tells: bool) -> tuple[int, bool]:
    """One check with its line of progress: how many states it explored, and whether it found what it must."""
    print(f"{place:9} {check.claim} ...", end="" if sys.stdout.isatty() else "\n", flush=True)
    began = time.monotonic()
    finding = check.run()
    holds = check.holds(finding)
    seconds = time.monotonic() - began
    cut_off = "" if finding.complete else ", cut off"
    wrong = "" if holds else f"   UNEXPECTED, the claim says: {check.expected}"
    print(f"{'':9} {finding.verdict}{cut_off}   {finding.states:,} states, {seconds:.1f} s{wrong}", flush=True)
    if finding.story and (tells or not holds):
        print(finding.story, flush=True)
    return finding.states, holds


if __name__ == "__main__":
    sys.exit(main())
