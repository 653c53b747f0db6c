# SPDX-License-Identifier: Apache-2.0
"""Checks across settings: contradictions are errors, doubtful combinations are warnings."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from supertokens.config.addresses import is_loopback
from supertokens.config.secrets import IN_FILES, is_readable_by_all
from supertokens.config.settings import KEYS, Keys
from supertokens.config.values import located

__all__ = ["contradictions", "contradictions_in_apps", "contradictions_in_services", "doubts", "doubts_in_services"]

GRACE_PERIODS_IN_A_LIFE: Final = 8
"""How many grace periods an access token has to live where nothing in the browser keeps requests apart."""

_MAX_COOKIE_LIFE_MINUTES: Final = 400 * 24 * 60  # browsers cap it there (RFC 6265bis, 5.5)

_LIKELY_MILLISECONDS: Final = {
    "access_token_validity": 100_000,
    "refresh_token_rotation_grace_period": 1000,
    "short_session_validity": 3_000_000,
    "session_max_lifetime": 100_000_000,
}
"""Keys in seconds, and from which number on, if it is one of whole thousands, it is probably one of milliseconds."""


def contradictions(keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield the settings in `keys` that contradict others, on every side, and why."""
    refresh = f"'refresh_token_validity' ({keys.refresh_token_validity:g} minutes)"
    if round(keys.refresh_token_validity * 60_000) <= keys.access_token_validity * 1000:
        access = f"'access_token_validity' ({keys.access_token_validity} seconds)"
        yield "refresh_token_validity", f"{refresh} must be longer than {access}; change one of them"
    if round(keys.refresh_token_rotation_grace_period * 1000) >= round(keys.refresh_token_validity * 60_000):
        grace = f"'refresh_token_rotation_grace_period' ({keys.refresh_token_rotation_grace_period:g} seconds)"
        yield "refresh_token_rotation_grace_period", f"{grace} must be shorter than {refresh}; change one of them"
    yield from _contradictions_of_lifetimes(keys)
    if keys.cookie_same_site == "none" and keys.anti_csrf_mode == "none":
        yield "cookie_same_site", "'cookie_same_site' is 'none', so set 'enable_anti_csrf' to true"
    if keys.anti_csrf is not None and keys.enable_anti_csrf not in (None, keys.anti_csrf == "token"):
        given = f"'anti_csrf' ({keys.anti_csrf!r}) and 'enable_anti_csrf' ({keys.enable_anti_csrf})"
        yield "anti_csrf", f"{given} contradict each other; leave out one of them"
    if keys.cookie_prefix == "host":
        for name in ("cookie_domain", "access_token_path"):
            if getattr(keys, name) != KEYS[name].default:
                given = f"'{name}' ({getattr(keys, name)!r})"
                yield name, f"{given} cannot be combined with 'cookie_prefix: host'; leave out one of them"
        if keys.cookie_secure is False:
            yield (
                "cookie_secure",
                "'cookie_secure' (False) cannot be combined with 'cookie_prefix: host'; leave out one of them",
            )
    if (keys.ssl_certfile is None) is not (keys.ssl_keyfile is None):
        given, missing = ("ssl_certfile", "ssl_keyfile") if keys.ssl_certfile else ("ssl_keyfile", "ssl_certfile")
        yield given, f"'{given}' is set, so set '{missing}' too: https needs both"
    if not (is_loopback(keys.host) or keys.api_keys or keys.insecure_allow_no_api_key):
        danger = "lets other machines in, and without 'api_keys' any of them could log in as any user"
        guard = "something else, such as a firewall, keeps others out"
        remedy = f"set 'api_keys', or 'insecure_allow_no_api_key: true' if {guard}"
        yield "host", f"'host' ({keys.host!r}) {danger}; {remedy}"


def _contradictions_of_lifetimes(keys: Keys) -> Iterator[tuple[str, str]]:
    short, most = keys.short_session_validity, keys.session_max_lifetime
    if short is not None and short <= keys.access_token_validity:
        given = f"'short_session_validity' ({short} seconds) must be longer than 'access_token_validity'"
        yield "short_session_validity", f"{given} ({keys.access_token_validity} seconds); change one of them"
    grace = keys.refresh_token_rotation_grace_period
    if most is not None and most <= grace:
        given = f"'session_max_lifetime' ({most} seconds) must be longer than 'refresh_token_rotation_grace_period'"
        yield "session_max_lifetime", f"{given} ({grace:g} seconds); change one of them"


def contradictions_in_apps(keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield the contradictions in `keys` that matter only in an app: about cookies, and about asking a service."""
    if keys.cookie_same_site == "none" and not keys.cookie_secure:
        yield "cookie_same_site", "'cookie_same_site' is 'none', so set 'cookie_secure' to true: browsers require it"
    if keys.revocation == "push" and keys.hosts is not None:
        why = "cannot be combined with 'hosts': every check already asks the core service; leave it out"
        yield "revocation", f"'revocation' ('push') {why}"
    if keys.revocation == "push" and not keys.access_token_blacklisting:
        why = "without it, a revoked session stays usable until its access token expires"
        needs = f"needs 'access_token_blacklisting: true': {why}"
        yield "revocation", f"'revocation' ('push') {needs}; set that too, or leave 'revocation' out"
    if keys.renewal == "server" and keys.hosts is None:
        yield from _obstacles_to_renewal(keys)
    if keys.api_key is not None and keys.hosts is None:
        remedy = (
            "set it (the original's default was http://localhost:3567), or remove 'api_key' to run the core in the app"
        )
        yield "api_key", f"'api_key' is for core services, but 'hosts' is not set; {remedy}"


def _obstacles_to_renewal(keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield why the server must not renew by `keys` (docs/how-it-works.md).

    With `hosts`, the core is asked on first use.
    """
    grace, least = keys.refresh_token_rotation_grace_period, GRACE_PERIODS_IN_A_LIFE
    if grace == 0:
        why = (
            "cannot be combined with 'renewal: server': two requests of one page would look like a theft; leave it out"
        )
        yield "refresh_token_rotation_grace_period", f"'refresh_token_rotation_grace_period' (0 seconds) {why}"
    elif keys.access_token_validity < least * grace:
        given = f"'access_token_validity' ({keys.access_token_validity} seconds)"
        other = f"{least} times 'refresh_token_rotation_grace_period' ({grace:g} seconds)"
        yield "access_token_validity", f"{given} must be at least {other} with 'renewal: server'; change one of them"


def contradictions_in_services(keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield the contradictions in `keys` that matter only in a service: about callers, and about files."""
    if keys.access_token_signing_algorithm != "RS256":
        why = "the SuperTokens SDKs verify RS256 only, and reject all other tokens as forged"
        yield "access_token_signing_algorithm", f"'access_token_signing_algorithm' (ES256) is not for services: {why}"
    for name in ("ssl_certfile", "ssl_keyfile"):
        path = getattr(keys, name)
        if path is not None:
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as error:
                problem = f"which cannot be read ({error.strerror}); correct its path or permissions"
                yield name, f"'{name}' names {located(path)}, {problem}"
                return
    if keys.ssl_certfile is not None and keys.ssl_keyfile is not None:
        yield from _contradictions_of_tls(keys.ssl_certfile, keys.ssl_keyfile)


class _PassphraseAskedError(Exception):
    pass


def _refuse_passphrase() -> NoReturn:
    raise _PassphraseAskedError  # otherwise OpenSSL would ask at the terminal


def _contradictions_of_tls(certificate: str, key: str) -> Iterator[tuple[str, str]]:
    """Yield why the readable files `certificate` and `key` make no TLS server, and which of the two is at fault."""
    given = f"'ssl_certfile' names {located(certificate)}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(certificate)
    except OSError:  # which SSLError is
        yield "ssl_certfile", f"{given}, which holds no certificate in PEM ('-----BEGIN CERTIFICATE-----'); correct it"
        return
    given = f"'ssl_keyfile' names {located(key)}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_refuse_passphrase)
    except _PassphraseAskedError:
        problem = "which is encrypted, and a service cannot be asked for a passphrase"
        yield "ssl_keyfile", f"{given}, {problem}; remove the passphrase (openssl pkey -in … -out …)"
    except ssl.SSLError as error:
        reason = error.reason or ""
        if reason.endswith("_MISMATCH"):  # of values, or of types
            problem = f"which does not match the certificate in {certificate}; use two files that belong together"
        else:
            which = f" that can be used ({reason})" if reason else ""
            problem = f"which holds no private key in PEM{which} ('-----BEGIN PRIVATE KEY-----'); correct it"
        yield "ssl_keyfile", f"{given}, {problem}"
    except OSError as error:
        yield "ssl_keyfile", f"{given}, which cannot be used ({error.strerror}); correct it"


def doubts(keys: Keys) -> Iterator[str]:
    """Yield a warning for each combination in `keys` that is allowed but probably unintended."""
    yield from _doubts_about_milliseconds(keys)
    if keys.refresh_token_rotation_grace_period >= keys.access_token_validity:
        yield (
            f"'refresh_token_rotation_grace_period' ({keys.refresh_token_rotation_grace_period:g} seconds) should"
            f" be shorter than 'access_token_validity' ({keys.access_token_validity} seconds)"
        )
    elif keys.access_token_validity < GRACE_PERIODS_IN_A_LIFE * keys.refresh_token_rotation_grace_period:
        grace = f"'refresh_token_rotation_grace_period' ({keys.refresh_token_rotation_grace_period:g} seconds)"
        yield (
            f"'access_token_validity' ({keys.access_token_validity} seconds) is less than {GRACE_PERIODS_IN_A_LIFE}"
            f" times {grace}: a late response may log out a browser that has no library"
        )
    if keys.trusted_origins and keys.anti_csrf_mode != "origin":
        yield "'trusted_origins' has no effect without 'anti_csrf: origin'"
    if keys.refresh_token_validity > _MAX_COOKIE_LIFE_MINUTES:
        in_seconds = keys.refresh_token_validity / 60
        meant = f"; if you mean seconds, write {in_seconds:.12g}" if in_seconds <= _MAX_COOKIE_LIFE_MINUTES else ""
        yield (
            f"'refresh_token_validity' ({keys.refresh_token_validity:g} minutes) is more than 400 days (576000"
            f" minutes), but browsers keep no cookie longer: a user who stays away that long has to log in again{meant}"
        )
    for name in (*(f"{name}_file" for name in IN_FILES), "ssl_keyfile"):
        path = getattr(keys, name)
        if path is not None and is_readable_by_all(path):
            yield f"'{name}' names {path}, which every user of this machine can read; restrict it (chmod 600)"


def _doubts_about_milliseconds(keys: Keys) -> Iterator[str]:
    for name, least in _LIKELY_MILLISECONDS.items():
        seconds = getattr(keys, name)
        if seconds is not None and seconds >= least and seconds % 1000 == 0:
            how_long = f"{seconds / 86_400:.3g} days" if seconds >= 86_400 else f"{seconds / 60:.3g} minutes"
            doubt = f"'{name}' is {seconds:.12g} seconds, which is {how_long}"
            yield f"{doubt}; if you mean milliseconds, write {seconds / 1000:.12g}"


def doubts_in_services(keys: Keys) -> Iterator[str]:
    if keys.cookie_same_site == "none" and not keys.cookie_secure:
        yield "'cookie_same_site' is 'none', but 'cookie_secure' is not true: browsers drop such cookies"
    if not (keys.api_keys or is_loopback(keys.host)):
        yield (
            f"'insecure_allow_no_api_key': ANY MACHINE THAT CAN REACH {keys.host} CAN LOG IN AS ANY USER AND END ANY"
            " SESSION; set 'api_keys' unless something else, such as a firewall, keeps others out"
        )
