# SPDX-License-Identifier: Apache-2.0
"""The real `supertokens-website` of npm, in both generations, each as one script that a page can load.

The packages come as CommonJS modules and nothing else. They are few, so they are put together here, unchanged.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, Literal

Version = Literal["4.2.0", "20.1.6"]

FOLDER: Final = Path(__file__).parent
PACKAGES: Final[dict[Version, str]] = {"4.2.0": "supertokens-website", "20.1.6": "supertokens-website-20"}
"""The names under which package.json has them."""

_REQUIRED = re.compile(r"""\brequire\(["']([^"']+)["']\)""")
_LOADER: Final = """
(function (modules) {
  var loaded = {}, process = {env: {}}, global = window;
  function load(path) {
    if (!(path in loaded)) {
      var module = loaded[path] = {exports: {}}, names = modules[path].names;
      modules[path].run.call(module.exports, module, module.exports, name => load(names[name]), process, global);
    }
    return loaded[path].exports;
  }
  window.supertokens = load(%s);
})({
%s
});
"""


class NoWebsiteLibraryError(Exception):
    """A package is not there and cannot be installed; says what to do."""


def scripts() -> dict[Version, str]:
    """Return, for each version, JavaScript that gives a page the global `supertokens`: what `require` would return."""
    _install()
    return {version: _script(package) for version, package in PACKAGES.items()}


def _script(package: str) -> str:
    modules = FOLDER / "node_modules"
    start = _main_of(modules / package)
    names: dict[Path, dict[str, Path]] = {}
    to_read = [start]
    while to_read:
        path = to_read.pop()
        if path not in names:
            names[path] = {name: _found(name, path, modules) for name in _REQUIRED.findall(path.read_text("utf-8"))}
            to_read += names[path].values()
    return _LOADER % (json.dumps(str(start)), ",\n".join(_wrapped(path, known) for path, known in names.items()))


def _install() -> None:
    with (FOLDER / "package.json").open("rb") as description:
        # Several test processes may come here together. The lock goes with the file.
        fcntl.flock(description, fcntl.LOCK_EX)
        wanted = json.loads(description.read())["dependencies"]
        # npm writes this file last, so an installation that was cut off does not count.
        record = FOLDER / "node_modules" / ".package-lock.json"
        installed = json.loads(record.read_text("utf-8"))["packages"] if record.exists() else {}
        if all(
            installed.get(f"node_modules/{package}", {}).get("version") == version.rpartition("@")[2]
            for package, version in wanted.items()
        ):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise NoWebsiteLibraryError("these tests drive the real supertokens-website: install Node.js with npm")
        # The axios half of 4.2.0, and with it the peer axios, is not used here.
        flags = ["--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run([npm, "ci", *flags], cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoWebsiteLibraryError(f"npm could not install {wanted}:\n{done.stdout}{done.stderr}")


def _found(name: str, by: Path, modules: Path) -> Path:
    """Node's rules, as far as these packages need them."""
    if not name.startswith("."):
        return _main_of(modules / name)
    target = (by.parent / name).resolve()
    return target / "index.js" if target.is_dir() else target.with_name(target.name + ".js")


def _main_of(package: Path) -> Path:
    main = json.loads((package / "package.json").read_text("utf-8"))["main"]
    return (package / str(main)).resolve()


def _wrapped(path: Path, names: dict[str, Path]) -> str:
    known = json.dumps({name: str(target) for name, target in names.items()})
    source = path.read_text("utf-8")
    run = f"function (module, exports, require, process, global) {{\n{source}\n}}"
    return f"{json.dumps(str(path))}: {{names: {known}, run: {run}}}"
