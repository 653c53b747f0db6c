# SPDX-License-Identifier: Apache-2.0
"""The source reads like English, as far as that can be counted: `make style` shows the figures."""

from __future__ import annotations

from pathlib import Path

from tests import style


def test_docstrings_say_what_a_function_does_and_name_its_parameters(root: Path) -> None:
    figures = style.measured(root / "src" / "supertokens")
    assert figures.noun_share <= style.MAX_NOUN_PHRASES, "\n".join(figures.noun_phrases)
    assert figures.named_share >= style.MIN_NAMED


def test_every_module_is_tested_in_a_file_of_its_name_or_says_where() -> None:
    assert style.untested() == [], "name it in TESTED_IN of tests/style.py, or give it a test file of its name"


def test_what_says_where_modules_are_tested_is_true(root: Path) -> None:
    without = style.by_name(has_file=False)
    for place, modules in style.TESTED_IN.items():
        assert (root / "tests" / place).exists(), place
        for module in modules:
            assert module in without, f"{module} has a test file of its name, or is no module"


def test_the_measure_tells_an_act_from_a_thing() -> None:
    assert style.is_noun_phrase("The key that signs.")
    assert style.is_noun_phrase("`value` as JSON.")
    assert not style.is_noun_phrase("Return the key that signs.")


def test_the_measure_counts_parameters_and_lines(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        'def act(first, second):\n    """Return `first`.\n\n    Raise nothing."""\n    return first  # why\n', "utf-8"
    )
    figures = style.measured(tmp_path)
    assert (figures.docstrings, figures.parameters, figures.named) == (1, 2, 1)
    assert (figures.comments, figures.lengths) == (1, [2])
