"""Own commands: a placeholder's value reaches the shell as one word, whatever it contains."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skafos_tui.config.own_commands import VARIABLES, read_line

NASTY = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(NASTY | st.sampled_from(["$(touch x)", "`id`", "'; rm -rf /; '", "a b", "-n", "*", "~", "$HOME", '"', "\n"]))
def test_a_value_is_one_word_and_never_code(value: str) -> None:
    line, _ = read_line("printf '%s|' {job} {project}/x$(printf '<%s>' {log})")
    variables = {**os.environ, **dict.fromkeys(VARIABLES.values(), value)}
    ran = subprocess.run(["sh", "-c", line], env=variables, capture_output=True, check=True)
    printed = ran.stdout.decode()
    assert printed.startswith(f"{value}|{value}/x")
    if value and not any(character in value for character in " \t\n*?["):
        assert printed == f"{value}|{value}/x<{value}>|"


def test_other_braces_and_the_shells_own_variables_stay() -> None:
    text = "awk '{print}' a.{txt,md} ${job} \\{x} {jobs}"
    assert read_line(text) == (text, frozenset())


@pytest.mark.parametrize("text", ["echo '{job}'", 'sh -c "echo {job}"', "echo 'it'\"{log}\""])
def test_a_placeholder_in_quotes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quoted by itself"):
        read_line(text)


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="not closed"):
        read_line("echo it's")
