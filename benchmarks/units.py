# SPDX-License-Identifier: Apache-2.0
"""What requests are made of and nobody can be faster than: a signature, its verification, a write, an fsync."""

from __future__ import annotations

import json
import os
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID, minted_token, open_benchmark_core
from benchmarks.records import INSERT, add_sessions, new_record, row
from benchmarks.rounds import Case, Loop
from supertokens.core import EmbeddedCore

__all__ = ["decoding_case", "ec_signature_cases", "fsync_case", "signature_cases", "write_cases"]

_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()


def signature_cases() -> list[Case]:
    """Return what OpenSSL takes for an RSA signature and for its verification."""
    sign, verify = _rsa()
    return [Loop(names.RSA_SIGN, sign), Loop(names.RSA_VERIFY, verify)]


def ec_signature_cases() -> list[Case]:
    """Return the same for ES256."""
    key, data, algorithm = ec.generate_private_key(ec.SECP256R1()), _signed_part(), ec.ECDSA(_SHA256)
    public, signature = key.public_key(), key.sign(data, algorithm)
    return [
        Loop(names.EC_SIGN, lambda _: key.sign(data, algorithm)),
        Loop(names.EC_VERIFY, lambda _: public.verify(signature, data, algorithm)),
    ]


def decoding_case(core: EmbeddedCore) -> Case:
    """Return what a first sight of a token cannot do without: signature, base64, JSON, by libraries alone."""
    header, claims, signature = minted_token(core).split(".")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public, made = key.public_key(), key.sign(f"{header}.{claims}".encode(), _PKCS1, _SHA256)

    def verify_and_decode(_: None) -> Any:
        urlsafe_b64decode(signature + "==")
        public.verify(made, f"{header}.{claims}".encode(), _PKCS1, _SHA256)
        return json.loads(urlsafe_b64decode(claims + "=="))

    def decoded(outcomes: list[Any]) -> None:
        if any(outcome["sub"] != USER_ID or outcome["role"] != PAYLOAD["role"] for outcome in outcomes):
            raise RuntimeError("the claims of a token were not found in it")

    return Loop(names.VERIFY_AND_DECODE, verify_and_decode, settle=decoded)


@contextmanager
def write_cases(folder: Path) -> Iterator[list[Case]]:
    """A signature and a write to the store's tables, by SQLite alone: the limits of a login and of a refresh."""
    path = folder / "writes.sqlite3"
    core = open_benchmark_core(folder, path.stem)
    core.create_session(USER_ID, PAYLOAD, {}, anti_csrf=False)  # makes the tables
    core.close()
    record = new_record()
    add_sessions(path, [record])
    sign, _ = _rsa()
    with _connection(path, "FULL") as durable, _connection(path, "NORMAL") as hasty:

        def sign_and_insert(values: tuple[Any, ...]) -> int:
            sign(None)
            return durable.execute(INSERT, values).rowcount

        def sign_and_update(_: None) -> int:
            hasty.execute("SELECT * FROM session WHERE handle = ?", (record.handle,)).fetchone()
            sign(None)
            update = "UPDATE session SET newest = newest + 1, handed_out_at = created_at WHERE handle = ?"
            return hasty.execute(update, (record.handle,)).rowcount

        yield [
            Loop(
                names.SIGN_AND_INSERT,
                sign_and_insert,
                lambda count: [row(new_record()) for _ in range(count)],
                _written,
            ),
            Loop(names.SIGN_AND_UPDATE, sign_and_update, settle=_written),
        ]


@contextmanager
def fsync_case(path: Path) -> Iterator[Case]:
    """What the disk takes to make a page durable. It may change from minute to minute, with what else is written."""
    page = os.urandom(4096)
    with path.open("wb", buffering=0) as file:

        def write(_: None) -> None:
            file.write(page)
            os.fsync(file.fileno())

        yield Loop(names.FSYNC, write)


def _rsa() -> tuple[Callable[[Any], bytes], Callable[[Any], None]]:
    """A signature of what is as long as an access token's claims, and its verification."""
    key, data = rsa.generate_private_key(public_exponent=65537, key_size=2048), _signed_part()
    public, signature = key.public_key(), key.sign(data, _PKCS1, _SHA256)
    return lambda _: key.sign(data, _PKCS1, _SHA256), lambda _: public.verify(signature, data, _PKCS1, _SHA256)


def _signed_part() -> bytes:
    return os.urandom(450)  # as long as what is signed of an access token


@contextmanager
def _connection(path: Path, synchronous: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:  # in WAL mode, which the file remembers
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        yield connection


def _written(outcomes: list[Any]) -> None:
    if set(outcomes) != {1}:
        raise RuntimeError("a write changed no row")
