# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from supertokens.config import databases
from supertokens.stores import opening
from supertokens.stores.opening import open_store
from supertokens.testing.store_contract import a_record

NOW = 1_700_000_000_000


def test_a_url_and_a_path_open_the_same_file_and_not_before_the_first_use(tmp_path: Path) -> None:
    file = tmp_path / "my sessions.sqlite3"
    stores = [open_store(name) for name in (f"sqlite:///{tmp_path}/my%20sessions.sqlite3", str(file), file)]
    assert not file.exists()
    stores[0].create(a_record(), "{}")
    assert all(store.get(a_record().handle, NOW) for store in stores)
    for store in stores:
        store.close()


def test_a_path_object_is_taken_as_it_is(tmp_path: Path) -> None:
    open_store(tmp_path / "memory:" / "100%.db?x").read_keys(0)
    assert (tmp_path / "memory:" / "100%.db?x").is_file()


def test_every_scheme_that_a_configuration_may_name_can_be_opened() -> None:
    assert set(opening._OPENERS) == set(databases._AVAILABLE)


@pytest.mark.parametrize("database", ["redis://:correct-horse@db/0", "sqlite://db/sessions.db", ":memory:"])
def test_what_cannot_be_opened_is_an_error_without_a_secret(database: str) -> None:
    with pytest.raises(ValueError, match=r"must (not )?name|names") as refusal:
        open_store(database)
    assert "correct-horse" not in str(refusal.value)
