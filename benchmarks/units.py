# SPDX-License-Identifier: Apache-2.0
"""What requests are made of and nobody can be faster than: a signature, its verification, an fsync."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks import names
from benchmarks.rounds import Case, Loop

__all__ = ["fsync_case", "signature_cases"]


def signature_cases() -> list[Case]:
    """What OpenSSL takes for the two operations that nothing can be faster than."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public, pkcs1, sha256 = key.public_key(), padding.PKCS1v15(), hashes.SHA256()
    data = os.urandom(450)  # as long as what is signed of an access token
    signature = key.sign(data, pkcs1, sha256)
    return [
        Loop(names.RSA_SIGN, lambda _: key.sign(data, pkcs1, sha256)),
        Loop(names.RSA_VERIFY, lambda _: public.verify(signature, data, pkcs1, sha256)),
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
