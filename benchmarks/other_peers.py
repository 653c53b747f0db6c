# SPDX-License-Identifier: Apache-2.0
"""Peers that do not fit into the process of the others: each in its own, beside its own bare route."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.core_service import running_service
from benchmarks.environment import ensure_environment_of_supertokens_python
from benchmarks.other_process import other_process
from benchmarks.rounds import Case

__all__ = ["other_peer_cases"]


@contextmanager
def other_peer_cases(folder: Path) -> Iterator[list[Case]]:
    """Those of Django and FastAPI, and supertokens-python, for which a core service of ours runs meanwhile."""
    with ExitStack() as stack:
        python = Path(sys.executable)
        django = stack.enter_context(other_process(python, ["benchmarks.peer_django", str(folder)], os.environ))
        fastapi = stack.enter_context(other_process(python, ["benchmarks.peer_fastapi"], os.environ))
        service = stack.enter_context(running_service(folder))
        arguments = ["benchmarks.peer_supertokens_python", f"http://127.0.0.1:{service.port}"]
        python = ensure_environment_of_supertokens_python()
        supertokens = stack.enter_context(other_process(python, arguments, os.environ))
        yield [*django.cases(), *fastapi.cases(), *supertokens.cases()]
