# SPDX-License-Identifier: Apache-2.0
"""Single decisions of the rotation tables. `tests/model` explores what follows from them."""

from __future__ import annotations

import pytest

from supertokens.engine.rotation import REFRESH_TABLE, Lineage, Presented, decide

NOW = 1_700_000_000_000
GRACE = 10_000
CLIENT = b"12345678"


def row_of(serial: int, parent: int, lineage: Lineage, *, now: int, client: bytes = CLIENT, grace: int = GRACE) -> int:
    return decide(REFRESH_TABLE, lineage, Presented(serial, parent, now, client, grace)).row


@pytest.mark.parametrize(("difference", "near"), [
    (0, True), (GRACE, True), (-GRACE, True), (GRACE + 1, False), (-GRACE - 1, False), (-(10**12), False),
])  # fmt: skip
def test_the_window_ends_on_both_sides_of_the_moment_so_that_no_jump_of_the_clock_opens_it(
    difference: int, *, near: bool
) -> None:
    pending = Lineage(current=4, parent=3, newest=5, handed_out_at=NOW, fingerprint=CLIENT)
    settled = pending._replace(current=5, parent=4)
    assert row_of(4, 3, pending, now=NOW + difference) == (2 if near else 3), "repeated, or minted anew"
    assert row_of(4, 3, settled, now=NOW + difference) == (5 if near else 6), "a straggler, or a theft"


@pytest.mark.parametrize("other", [{"client": b"87654321"}, {"client": b""}, {"grace": 0}], ids=str)
def test_nothing_is_near_for_another_client_or_without_a_grace_period(other: dict[str, object]) -> None:
    pending = Lineage(current=4, parent=3, newest=5, handed_out_at=NOW, fingerprint=CLIENT)
    assert row_of(4, 3, pending, now=NOW, **other) == 3  # type: ignore[arg-type]
