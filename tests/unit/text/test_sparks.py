"""A series drawn in one line."""

from __future__ import annotations

from skafos_tui.text.sparks import ASCII_BLOCKS, BLOCKS, spark


def test_values_are_drawn_from_nothing_to_the_top() -> None:
    assert spark([number / 8 for number in range(8)], top=1.0) == BLOCKS
    assert spark([0, 0.5, 1.0, 2.0], top=1.0) == "▁▅██"


def test_without_a_top_the_highest_value_is_it() -> None:
    assert spark([0.0, 7.0]) == "▁█"


def test_what_is_missing_is_a_blank_and_nothing_at_all_is_flat() -> None:
    assert spark([1.0, None, 1.0]) == "█ █"
    assert spark([0.0, 0.0]) == "▁▁"
    assert spark([None]) == " "
    assert spark([]) == ""


def test_without_unicode_every_level_has_a_character_of_its_own() -> None:
    drawn = spark([number / 8 for number in range(8)], top=1.0, ascii_only=True)
    assert drawn == ASCII_BLOCKS
    assert drawn.isascii()
    assert len(set(drawn)) == len(BLOCKS)
