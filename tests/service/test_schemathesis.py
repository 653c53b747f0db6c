# SPDX-License-Identifier: Apache-2.0
"""Requests searched for from the OpenAPI document, good and bad: no server error, nothing that is not described."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from .conftest import StartService

EXAMPLES = 40
SECONDS = 60


def test_no_request_that_schemathesis_makes_of_the_document_is_a_server_error(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service()
    tool = shutil.which("schemathesis", path=sysconfig.get_path("scripts")) or shutil.which("schemathesis")
    assert tool is not None, "schemathesis is missing: pip install '.[dev]'"
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    # A verb that nobody knows gets 501, as the reference has it: that is no failure of the server.
    (tmp_path / "schemathesis.toml").write_text(
        '[phases.coverage]\nunexpected-methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"]\n'
    )
    command = [
        tool, "run", f"{service.url}/openapi.json", "--checks", checks, "--max-examples", str(EXAMPLES),
        "--phases", "examples,coverage,fuzzing", "--seed", "7", "--workers", "2", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 3, env=os.environ | {"COLUMNS": "120"}
    )
    assert done.returncode == 0, f"{sys.executable}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in service.log.read_text()
    assert service.request("GET", "/ready").status == 200
