# SPDX-License-Identifier: Apache-2.0
"""The configuration of the core service."""

from __future__ import annotations

import logging
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from supertokens.config import Config, ConfigError, describe

KEY = "key-of-twenty-characters"
OTHER = "another-key-of-more-characters"

REFERENCE = f"""
core_config_version: 0
port: 3568
host: "0.0.0.0"
api_keys: {KEY}, {OTHER}
access_token_validity: 60
access_token_blacklisting: true
access_token_path: /api
access_token_dynamic_signing_key_update_interval: 168
enable_anti_csrf: "true"
refresh_token_validity: "100.5"
refresh_api_path: /api/refresh
cookie_domain: .example.com
cookie_same_site: None
session_expired_status_code: 440
max_server_pool_size: "20"
base_path: some/where/
info_log_path: null
error_log_path: "null"
log_level: WARN
"""

WITHOUT_EFFECT = """
postgresql_user: root
postgresql_password: correct-horse
mysql_connection_uri: mysql://root:correct-horse@localhost
mongodb_connection_uri: mongodb://root:correct-horse@localhost
sqlite_database_folder_location: /tmp
disable_telemetry: true
password_reset_token_lifetime: 3600000
email_verification_token_lifetime: 86400000
passwordless_max_code_input_attempts: 5
totp_default_skew: 1
bcrypt_log_rounds: 11
ip_allow_regex: 127\\..*
supertokens_max_cdi_version: '3.0'
oauth_provider_public_service_url: http://localhost:4444
webauthn_recover_account_token_lifetime: 3600000
bulk_migration_parallelism: 1
"""


def refusal(**sources: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.load_service(**sources)
    return str(caught.value)


def in_file(folder: Path, content: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(content)
    return file


def warnings_of(caplog: pytest.LogCaptureFixture, **sources: Any) -> list[str]:
    caplog.clear()
    Config.load_service(**sources)
    return [record.getMessage() for record in caplog.records]


def test_nothing_has_to_be_set(caplog: pytest.LogCaptureFixture) -> None:
    assert Config.load_service() == Config()
    assert not caplog.records


# Sources


def test_each_source_gives_way_to_the_next(tmp_path: Path) -> None:
    file = in_file(tmp_path, "access_token_validity: 1\nport: 1\n")
    sources: dict[str, Any] = {"file": file, "environ": {}}
    assert Config.load_service(**sources).access_token_validity == 1
    sources["environ"]["ACCESS_TOKEN_VALIDITY"] = "2"
    assert Config.load_service(**sources).access_token_validity == 2
    sources["environ"]["SUPERTOKENS_ACCESS_TOKEN_VALIDITY"] = "3"
    assert Config.load_service(**sources).access_token_validity == 3
    sources["arguments"] = {"access_token_validity": 4, "port": None}
    assert Config.load_service(**sources).access_token_validity == 4
    assert Config.load_service(**sources).port == 1


def test_the_environment_may_name_the_file_unless_it_is_given(tmp_path: Path) -> None:
    environ = {"SUPERTOKENS_CONFIG": str(in_file(tmp_path, "port: 1"))}
    assert Config.load_service(environ=environ).port == 1
    other = tmp_path / "other.yaml"
    other.write_text("host: 127.0.0.1")
    config = Config.load_service(environ=environ, file=other)
    assert (config.host, config.port) == ("127.0.0.1", 3567)


def test_the_source_of_each_setting_is_told(tmp_path: Path) -> None:
    file = in_file(tmp_path, "access_token_validity: 60\ncookie_domain: example.com\n")
    environ = {"COOKIE_DOMAIN": "a.example.com", "SUPERTOKENS_WORKERS": "2"}
    explained = Config.explain_service(file=file, environ=environ, arguments={"port": 1})
    assert dict(explained.where) == {
        "access_token_validity": str(file),
        "cookie_domain": "environment, COOKIE_DOMAIN",
        "workers": "environment, SUPERTOKENS_WORKERS",
        "port": "arguments",
    }


def test_an_error_names_its_source(tmp_path: Path) -> None:
    assert refusal(file=in_file(tmp_path, "port: x")).startswith(str(tmp_path / "config.yaml"))
    assert refusal(environ={"ACCESS_TOKEN_VALIDITY": "0"}).startswith("environment, ACCESS_TOKEN_VALIDITY: ")
    assert refusal(environ={"SUPERTOKENS_PORT": "x"}).startswith("environment, SUPERTOKENS_PORT: ")
    assert refusal(arguments={"port": 65_536}).startswith("arguments: ")


def test_misspelt_keys_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    assert "did you mean 'api_keys'?" in refusal(file=in_file(tmp_path, f"api_kys: {KEY}"))
    assert "did you mean 'max_server_pool_size'?" in refusal(arguments={"max_server_pool_sise": 1})
    # As the images write it in the environment, taken into a file.
    assert "did you mean 'enable_anti_csrf'?" in refusal(file=in_file(tmp_path, "ENABLE_ANTI_CSRF: true"))


# The environment


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("API_KEYS", f"{KEY},{OTHER}", "api_keys", (KEY, OTHER)),
        ("COOKIE_DOMAIN", "example.com", "cookie_domain", "example.com"),
        ("REFRESH_API_PATH", "/refresh", "refresh_api_path", "/refresh"),
        ("ACCESS_TOKEN_VALIDITY", "60", "access_token_validity", 60),
        ("ACCESS_TOKEN_BLACKLISTING", "true", "access_token_blacklisting", True),
        ("ENABLE_ANTI_CSRF", "true", "enable_anti_csrf", True),
        ("REFRESH_TOKEN_VALIDITY", "1000.5", "refresh_token_validity", 1000.5),
        (
            "ACCESS_TOKEN_DYNAMIC_SIGNING_KEY_UPDATE_INTERVAL",
            "168",
            "access_token_signing_key_update_interval",
            168.0,
        ),
        ("COOKIE_SAME_SITE", "strict", "cookie_same_site", "strict"),
        ("INFO_LOG_PATH", "null", "info_log_path", None),
        ("BASE_PATH", "/x", "base_path", "/x"),
        ("LOG_LEVEL", "ERROR", "log_level", "error"),
        ("SUPERTOKENS_HOST", "127.0.0.1", "host", "127.0.0.1"),
        ("SUPERTOKENS_PORT", "3000", "port", 3000),
    ],
)
def test_the_variables_of_the_official_images_count(variable: str, text: str, name: str, value: object) -> None:
    assert getattr(Config.load_service(environ={variable: text}), name) == value


def test_generic_names_and_those_of_our_own_keys_do_not_count_without_the_prefix() -> None:
    taken = {
        "HOST": "0.0.0.0",
        "PORT": "80",
        "HOSTS": "http://a",
        "WORKERS": "9",
        "DATABASE": "postgresql://a/b",
        "API_KEY": KEY,
        "ENCRYPTION_KEY": "x",
        "SSL_CERTFILE": "/x",
        "DATABASE_FILE": "/x",
    }
    assert Config.load_service(environ=taken) == Config()


def test_an_empty_variable_of_an_image_is_not_set(tmp_path: Path) -> None:
    environ = {"API_KEYS": "", "COOKIE_DOMAIN": " ", "ACCESS_TOKEN_VALIDITY": ""}
    config = Config.load_service(environ=environ, file=in_file(tmp_path, f"api_keys: {KEY}"))
    assert config == Config(api_keys=(KEY,))


def test_apps_do_not_look_at_the_names_of_the_images() -> None:
    assert Config.load(environ={"COOKIE_DOMAIN": "example.com", "ACCESS_TOKEN_VALIDITY": "1"}) == Config()


def test_the_port_that_orchestrators_inject_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert Config.load_service(environ={"SUPERTOKENS_PORT": "tcp://10.0.0.7:3567"}) == Config()
    assert not caplog.records


def test_whoever_names_a_database_as_the_images_do_is_told_that_it_is_not_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ = {"POSTGRESQL_CONNECTION_URI": "postgresql://root:correct-horse@db/x", "MYSQL_USER": "root"}
    first, second = warnings_of(caplog, environ=environ)
    assert "POSTGRESQL_CONNECTION_URI" in first
    assert "'database' says where sessions are kept" in first
    assert "MYSQL_USER" in second
    assert "horse" not in first


# The original's file


def test_a_config_file_of_the_original_is_honoured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config.load_service(file=in_file(tmp_path, REFERENCE))
    assert config == Config(
        port=3568,
        host="0.0.0.0",
        api_keys=(KEY, OTHER),
        access_token_validity=60,
        access_token_blacklisting=True,
        access_token_path="/api",
        access_token_signing_key_update_interval=168,
        enable_anti_csrf=True,
        refresh_token_validity=100.5,
        refresh_api_path="/api/refresh",
        cookie_domain=".example.com",
        cookie_same_site="none",
        session_expired_status_code=440,
        max_server_pool_size=20,
        base_path="/some/where",
        log_level="warn",
    )
    short_life, doubt = [record.getMessage() for record in caplog.records]
    assert "less than 8 times" in short_life
    assert "browsers drop such cookies" in doubt


def test_every_other_key_of_the_original_is_named_in_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = in_file(tmp_path, WITHOUT_EFFECT)
    messages = warnings_of(caplog, file=file)
    names = [line.split(":")[0] for line in WITHOUT_EFFECT.strip().splitlines()]
    assert len(messages) == len(names)
    for name, message in zip(names, messages, strict=True):
        assert message.startswith(f"{file}: '{name}' has no effect: ")
        assert "horse" not in message


@pytest.mark.parametrize("hours", ["8760", "'8760'", "720.5", "9" * 30])
def test_a_longer_key_interval_than_ours_under_its_later_name_is_shortened_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, hours: str
) -> None:
    name = "access_token_dynamic_signing_key_update_interval"  # later cores have no upper bound
    file = in_file(tmp_path, f"{name}: {hours}")
    (message,) = warnings_of(caplog, file=file)
    assert message.startswith(f"{file}, {name}: ")
    assert "720 hours" in message
    assert Config.load_service(file=file).access_token_signing_key_update_interval == 720
    in_image = {name.upper(): "8760"}
    assert Config.load_service(environ=in_image).access_token_signing_key_update_interval == 720
    assert Config.load(app_config={"SUPERTOKENS_CONFIG": {name: 8760}}).access_token_signing_key_update_interval == 720


def test_a_key_interval_that_the_original_refuses_too_is_refused() -> None:
    older, later = "access_token_signing_key_update_interval", "access_token_dynamic_signing_key_update_interval"
    for name, hours in ((older, 721), (later, 0.5), (later, float("inf")), (later, float("nan")), (later, "x")):
        assert f"'{older}' must be a number from 1 to 720" in refusal(arguments={name: hours})


def test_a_shorter_key_interval_gives_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    name = "access_token_dynamic_signing_key_update_interval"
    assert warnings_of(caplog, arguments={name: 720}) == []


def test_more_threads_than_a_process_can_do_with_are_fewer_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    (message,) = warnings_of(caplog, arguments={"max_server_pool_size": 2**31 - 1})
    assert "1024 threads are used" in message
    assert Config.load_service(arguments={"max_server_pool_size": 2**31 - 1}).max_server_pool_size == 1024
    assert warnings_of(caplog, arguments={"max_server_pool_size": 1024}) == []


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_switch_for_https_of_the_original_is_known_and_names_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    (message,) = warnings_of(caplog, file=in_file(tmp_path, f"webserver_https_enabled: {value}"))
    assert "'webserver_https_enabled' has no effect: " in message
    assert "'ssl_certfile' and 'ssl_keyfile'" in message


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        (f'"{KEY},"', (KEY,)),
        (f'"{KEY}, {OTHER} , ,"', (KEY, OTHER)),
        ("12345678901234567890", ("12345678901234567890",)),
        ("00000000000000000012", ("00000000000000000012",)),
        ("0x1234567890abcdef1234", ("0x1234567890abcdef1234",)),
        ("[12345678901234567890, 00000000000000000012]", ("12345678901234567890", "00000000000000000012")),
    ],
)
def test_api_keys_are_read_as_the_original_reads_them(tmp_path: Path, written: str, keys: tuple[str, ...]) -> None:
    assert Config.load_service(file=in_file(tmp_path, f"api_keys: {written}")).api_keys == keys


@pytest.mark.parametrize("written", ['","', '",,"', f'",{KEY}"', f'"{KEY},,{OTHER}"', "1234567890", "no", "1.5"])
def test_what_is_no_list_of_api_keys_stays_refused(tmp_path: Path, written: str) -> None:
    assert "'api_keys' must be keys of at least 20" in refusal(file=in_file(tmp_path, f"api_keys: {written}"))


def test_very_short_sessions_of_the_original_shorten_our_grace_period() -> None:
    assert Config.load_service(
        arguments={"access_token_validity": 1, "refresh_token_validity": 0.1}
    ).refresh_token_rotation_grace_period == pytest.approx(3)
    assert "'refresh_token_rotation_grace_period' (10 seconds) must be shorter" in refusal(
        arguments={
            "access_token_validity": 1,
            "refresh_token_validity": 0.1,
            "refresh_token_rotation_grace_period": 10,
        }
    )


# What counts elsewhere


def test_settings_of_apps_have_no_effect_in_a_service(caplog: pytest.LogCaptureFixture) -> None:
    settings = {
        "hosts": "http://a",
        "api_key": KEY,
        "cookie_prefix": "host",
        "older_cookie_domain": "a.com",
        "max_session_data_bytes": 5,
        "core_read_timeout": 1,
    }
    messages = warnings_of(caplog, arguments=settings)
    assert len(messages) == len(settings)
    assert all(f"'{name}' has no effect" in message for name, message in zip(settings, messages, strict=True))
    assert "a service accepts those in 'api_keys'" in messages[1]
    assert Config.load_service(arguments=settings) == Config()


def test_settings_of_the_service_have_no_effect_in_an_app(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"host": "0.0.0.0", "port": 1, "api_keys": KEY, "workers": 2, "ssl_certfile": "/x", "log_level": "info"}
    assert Config.load(arguments=settings) == Config()
    assert len(caplog.records) == len(settings)
    assert all("has no effect: " in record.getMessage() for record in caplog.records)


def test_every_key_counts_somewhere() -> None:
    assert {key.counts_in for key in describe()} == {"app", "service", "core", "both"}


# Who may use it


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_a_service_for_this_machine_needs_no_key(host: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Config.load_service(arguments={"host": host}).api_keys is None
    assert not caplog.records


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "core.internal", "localhost.example.com", "127.0.0.1.nip"]
)
def test_a_service_for_other_machines_needs_a_key(host: str) -> None:
    message = refusal(arguments={"host": host})
    assert f"'host' ({host!r}) lets other machines in" in message
    assert "set 'api_keys', or 'insecure_allow_no_api_key: true'" in message
    assert Config.load_service(arguments={"host": host, "api_keys": KEY}).host == host
    with pytest.raises(ConfigError, match="lets other machines in"):
        Config(host=host)


def test_a_service_that_anybody_may_use_says_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    (message,) = warnings_of(caplog, arguments={"host": "0.0.0.0", "insecure_allow_no_api_key": True})
    assert "CAN LOG IN AS ANY USER" in message


def make_pair(folder: Path, name: str, password: bytes | None = None) -> tuple[str, str]:
    """Files with a certificate and with its private key, as OpenSSL writes them."""
    private, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(subject, subject, private.public_key(), 1, now - timedelta(1), now + timedelta(1))
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(made.sign(private, hashes.SHA256()).public_bytes(pem))
    key.touch(0o600)
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, sealed))
    return str(certificate), str(key)


def test_https_needs_both_files_and_they_must_be_there(tmp_path: Path) -> None:
    certificate, key = make_pair(tmp_path, "pair")
    for name, path in (("ssl_certfile", certificate), ("ssl_keyfile", certificate)):
        assert f"'{name}' is set, so set 'ssl_" in refusal(arguments={name: path})
    both = {"ssl_certfile": certificate, "ssl_keyfile": key}
    assert Config.load_service(arguments=both).ssl_keyfile == key
    Path(key).unlink()
    assert f"'ssl_keyfile' names {key}, which cannot be read (No such file" in refusal(arguments=both)


@pytest.mark.parametrize(
    ("certificate", "key", "problem"),
    [
        ("one.crt", "two.key", "'ssl_keyfile' names {key}, which does not match the certificate in {crt}"),
        ("one.key", "one.crt", "'ssl_certfile' names {crt}, which holds no certificate in PEM"),
        ("one.crt", "one.crt", "'ssl_keyfile' names {key}, which holds no private key in PEM"),
        ("one.crt", "sealed.key", "'ssl_keyfile' names {key}, which is encrypted"),
        ("empty", "one.key", "'ssl_certfile' names {crt}, which holds no certificate in PEM"),
        ("one.crt", "empty", "'ssl_keyfile' names {key}, which holds no private key in PEM"),
        ("broken", "one.key", "'ssl_certfile' names {crt}, which holds no certificate in PEM"),
    ],
)
def test_what_makes_no_tls_server_is_refused_with_the_file_at_fault(
    tmp_path: Path, certificate: str, key: str, problem: str
) -> None:
    for name, password in (("one", None), ("two", None), ("sealed", b"correct-horse")):
        make_pair(tmp_path, name, password)
    (tmp_path / "empty").touch()
    (tmp_path / "broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    crt, pem = str(tmp_path / certificate), str(tmp_path / key)
    message = refusal(arguments={"ssl_certfile": crt, "ssl_keyfile": pem})
    assert problem.format(crt=crt, key=pem) in message
    assert re.search("; (use|remove|correct) ", message), "it names a remedy"


def test_certificate_and_key_may_be_in_one_file(tmp_path: Path) -> None:
    certificate, key = map(Path, make_pair(tmp_path, "pair"))
    key.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert Config.load_service(arguments={"ssl_certfile": str(key), "ssl_keyfile": str(key)}).ssl_certfile == str(key)


def test_a_private_key_that_every_user_may_read_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = make_pair(tmp_path, "pair")
    both = {"ssl_certfile": certificate, "ssl_keyfile": key}
    assert warnings_of(caplog, arguments=both) == []
    for path in (certificate, key):
        Path(path).chmod(0o644)
    (message,) = warnings_of(caplog, arguments=both)
    assert "'ssl_keyfile' names" in message


# Single keys


@pytest.mark.parametrize(
    ("given_as", "path"), [("", ""), ("/", ""), ("a", "/a"), ("/a/", "/a"), ("a/b-c.d", "/a/b-c.d")]
)
def test_a_base_path_is_kept_in_one_spelling(given_as: str, path: str) -> None:
    assert Config(base_path=given_as).base_path == path


@pytest.mark.parametrize("value", ["a b", "a//b", "/a?b", "/ü", "/a/../b", "/./a", "..", 5, "/%2e"])
def test_what_is_no_base_path_is_refused(value: object) -> None:
    assert "'base_path' must be a path" in refusal(arguments={"base_path": value})


@pytest.mark.parametrize("value", ["", "http://localhost", "localhost:3567", "a b", "*", "unix:/x", 5, "a\nb"])
def test_what_is_no_host_is_refused(value: object) -> None:
    assert "'host' must be a name or an IP address" in refusal(arguments={"host": value})


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("port", 0, 65_535), ("workers", 1, 1024), ("max_server_pool_size", 1, 2**31 - 1)],
)
def test_numbers_are_accepted_up_to_their_limits_and_refused_beyond(name: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        assert getattr(Config(**{name: value}), name) == value  # type: ignore[arg-type]
    for value in (lowest - 1, highest + 1):
        assert f"'{name}' must be" in refusal(arguments={name: value})


def test_there_are_as_many_workers_as_asked_for_or_as_there_are_cpus_but_not_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Config(workers=20).worker_count == 20
    for cpus, workers in ((1, 1), (2, 2), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cpus=cpus: set(range(cpus)), raising=False)
        assert Config().worker_count == workers
