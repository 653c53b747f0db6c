# SPDX-License-Identifier: Apache-2.0
"""Reading a config.yaml: a flat mapping of plain values, and nothing of YAML that could surprise."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from supertokens.config.values import ConfigError, located, shown

__all__ = ["read_yaml"]

_TAG: Final = "tag:yaml.org,2002:"
# Text however it looks, as with the original: 0x… and 00… are characters of a key, not a number to be written anew.
_TEXT: Final = frozenset(("api_key", "api_keys"))


def read_yaml(path: str | Path) -> dict[str, object]:
    """Return the keys of the file `path`, with None where they have no value.

    Raise ConfigError, which quotes nothing of it.
    """
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{located(path)}: this config.yaml cannot be read ({why}); correct its path or permissions"
        ) from None
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # The text of the error quotes the file, which may hold secrets.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        if "'\\t'" in (getattr(error, "problem", None) or ""):
            raise ConfigError(f"{path}{line}: a tab, which YAML does not allow here; use spaces") from None
        raise ConfigError(f"{path}{line}: this is not YAML; write lines such as 'cookie_domain: example.com'") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == f"{_TAG}null"):
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: this is not a mapping; write lines such as 'cookie_domain: example.com'")
    return _mapping(root, str(path))


def _mapping(root: yaml.MappingNode, path: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in root.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        name = key.value if isinstance(key, yaml.ScalarNode) else "a key that is not text"
        if name in values:
            raise ConfigError(f"{where}: {shown(name)} is set twice; remove one of them", name)
        try:
            read = _text if name in _TEXT else _scalar
            values[name] = [read(item) for item in value.value] if value.id == "sequence" else read(value)
        except (ValueError, KeyError):
            problem = f"{shown(name)} must have a single value or a list of values; quote text"
            raise ConfigError(f"{where}: {problem}", name) from None
    return values


def _text(node: yaml.Node) -> object:
    number = node.tag in (f"{_TAG}int", f"{_TAG}float") and isinstance(node, yaml.ScalarNode)
    return node.value if number else _scalar(node)


def _scalar(node: yaml.Node) -> object:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return yaml.SafeLoader.bool_values[text.lower()]
    if kind == "int":
        return int(text, 0)  # refuses what YAML 1.1 takes for octal (010) and base 60 (1:30)
    if kind == "float":
        return float(text)
    if kind in ("str", "timestamp", "value") and isinstance(node, yaml.ScalarNode):
        return text
    raise ValueError(kind)
