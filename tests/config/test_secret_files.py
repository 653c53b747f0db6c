# SPDX-License-Identifier: Apache-2.0
"""Secrets that come from files."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config, ConfigError, parse_api_keys, read_api_keys

ONE, TWO = "first-key-of-the-service", "second=key=of=the=service"
SEALING = "7c0e1f9a5d3b48e2906fa1c4d7b85326e94a0d1c63f7528bb1e8094fd2a6c35e"


def secret(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def refusal(load: Any, **arguments: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(arguments=arguments)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("by", ["arguments", "environ", "file"])
def test_a_secret_may_come_from_a_file_that_any_source_names(tmp_path: Path, by: str) -> None:
    path = str(secret(tmp_path, f"\n {ONE} \n"))
    (tmp_path / "config.yaml").write_text(f"api_keys_file: {path}\n")
    sources: dict[str, dict[str, Any]] = {
        "arguments": {"arguments": {"api_keys_file": path}},
        "environ": {"environ": {"SUPERTOKENS_API_KEYS_FILE": path}},
        "file": {"file": tmp_path / "config.yaml"},
    }
    config = Config.load_service(**sources[by])
    assert (config.api_keys, config.api_keys_file) == ((ONE,), path)


def test_every_secret_key_can_be_read_from_a_file(tmp_path: Path) -> None:
    sealing = secret(tmp_path, SEALING + "\n")
    assert Config(encryption_key_file=str(sealing)).encryption_key == (bytes.fromhex(SEALING),)
    assert Config(database_file=str(secret(tmp_path, "sqlite:///x.sqlite3\n"))).sqlite_path == Path("x.sqlite3")
    config = Config.load(arguments={"hosts": "http://a", "api_key_file": str(secret(tmp_path, ONE + "\n"))})
    assert config.api_key == ONE


def test_a_copy_of_a_config_keeps_what_was_read(tmp_path: Path) -> None:
    file = secret(tmp_path, ONE)
    config = Config(api_keys_file=str(file))
    file.unlink()
    assert dataclasses.replace(config, port=1).api_keys == (ONE,)


def test_no_secret_from_a_file_is_in_the_repr(tmp_path: Path) -> None:
    config = Config(api_keys_file=str(secret(tmp_path, ONE)))
    assert ONE not in repr(config)


@pytest.mark.parametrize("name", ["api_keys", "encryption_key", "database"])
def test_a_secret_and_its_file_in_one_source_are_refused(tmp_path: Path, name: str) -> None:
    message = refusal(Config.load_service, **{name: "x", f"{name}_file": str(tmp_path / "x")})
    assert f"'{name}' and '{name}_file' are both set; remove one of them" in message


def test_of_a_secret_and_its_file_in_two_sources_the_stronger_one_counts(tmp_path: Path) -> None:
    file = str(secret(tmp_path, ONE))
    config = Config.load_service(arguments={"api_keys": TWO}, environ={"SUPERTOKENS_API_KEYS_FILE": file})
    assert (config.api_keys, config.api_keys_file) == ((TWO,), None)
    config = Config.load_service(arguments={"api_keys_file": file}, environ={"SUPERTOKENS_API_KEYS": TWO})
    assert (config.api_keys, config.api_keys_file) == ((ONE,), file)


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    message = refusal(Config.load_service, api_keys_file=str(tmp_path / "nowhere"))
    assert f"'api_keys_file' names {tmp_path / 'nowhere'}, which cannot be read (No such file" in message


def test_an_error_says_where_a_relative_path_starts_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder" / "config.yaml").write_text("api_keys_file: nowhere\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(ConfigError) as caught:
        Config.load_service(file=tmp_path / "folder" / "config.yaml")
    assert f"'api_keys_file' names nowhere (from {tmp_path / 'elsewhere'}), which cannot be read" in str(caught.value)
    both = {"ssl_certfile": "nowhere.crt", "ssl_keyfile": "nowhere.key"}
    assert f"names nowhere.crt (from {tmp_path / 'elsewhere'}), which" in refusal(Config.load_service, **both)
    with pytest.raises(ConfigError, match=r"this config\.yaml cannot be read") as caught:
        Config.load(environ={"SUPERTOKENS_CONFIG": "config.yaml"})
    assert str(caught.value).startswith(f"config.yaml (from {tmp_path / 'elsewhere'}): ")
    (tmp_path / "elsewhere").rmdir()
    assert "(the working directory no longer exists)" in refusal(Config.load_service, **both)


@pytest.mark.parametrize("content", ["", "  \n", b"\xff\xfe", b"a\0b", b"x" * 65_537])
def test_a_file_without_usable_text_is_refused(tmp_path: Path, content: str | bytes) -> None:
    message = refusal(Config.load_service, encryption_key_file=str(secret(tmp_path, content)))
    assert "does not hold the value of 'encryption_key' as text" in message


def test_a_database_in_the_place_of_a_file_with_its_name_is_told_apart(tmp_path: Path) -> None:
    file = secret(tmp_path, b"SQLite format 3\0" + bytes(84))
    assert "for a SQLite file set 'database' itself" in refusal(Config.load, database_file=str(file))


def test_a_refused_secret_of_a_file_is_not_shown(tmp_path: Path) -> None:
    for name in ("api_keys", "encryption_key", "database"):
        content = "postgresql://app:correct-horse@db:x/x" if name == "database" else "correct-horse!"
        message = refusal(Config.load_service, **{f"{name}_file": str(secret(tmp_path, content))})
        assert str(tmp_path / "secret") in message
        assert "horse" not in message


def test_a_secret_that_every_user_may_read_gives_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Config.load_service(arguments={"api_keys_file": str(secret(tmp_path, ONE, 0o640))})
    assert not caplog.records
    Config.load_service(arguments={"api_keys_file": str(secret(tmp_path, ONE, 0o644))})
    assert "'api_keys_file' names" in caplog.text
    assert "every user of this machine can read" in caplog.text


def test_a_secret_that_did_not_arrive_does_not_switch_protection_off() -> None:
    for name in ("API_KEYS", "API_KEYS_FILE", "ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE"):
        with pytest.raises(ConfigError, match=name):
            Config.load_service(environ={f"SUPERTOKENS_{name}": ""})


# The text of api_keys_file


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE},{TWO}",
        f" {ONE} , {TWO} \n",
        f"{ONE}\n{TWO}\n",
        f"{ONE},\n{TWO},\n",
        f"{ONE}\r\n\r\n{TWO}",
        f"{ONE},{TWO},",
    ],
)
def test_api_keys_may_have_commas_or_line_ends_between(tmp_path: Path, text: str) -> None:
    assert parse_api_keys(text) == (ONE, TWO)
    assert read_api_keys(secret(tmp_path, text)) == (ONE, TWO)


@pytest.mark.parametrize("text", ["", "\n", ",", f"{ONE},,{TWO}", "short", f"{ONE}\nshort", f"{ONE}_"])
def test_text_with_anything_but_api_keys_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    for read, given in ((parse_api_keys, text), (read_api_keys, secret(tmp_path, text))):
        with pytest.raises(ConfigError, match="'api_keys") as caught:
            read(given)  # type: ignore[operator]
        assert ONE not in str(caught.value)


def test_blanks_within_the_list_are_dropped_as_the_original_does() -> None:
    assert Config(api_keys=f"{ONE[:7]} {ONE[7:]}, {TWO}").api_keys == (ONE, TWO)  # type: ignore[arg-type]


def test_nothing_is_logged_about_a_secret_that_is_well_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Config.load_service(arguments={"api_keys_file": str(secret(tmp_path, ONE))})
    assert not caplog.records


def test_the_source_of_a_secret_in_a_file_is_the_file(tmp_path: Path) -> None:
    file = secret(tmp_path, SEALING)
    explained = Config.explain_service(arguments={"encryption_key_file": str(file)})
    assert explained.where["encryption_key"] == f"{file}, arguments"
    assert "api_keys" not in explained.where
