"""The tables of characters are complete and mean what Unicode says."""

from __future__ import annotations

from itertools import product

from drawn import arms

from skafos_tui.model.run import TaskState
from skafos_tui.text.glyphs import ARROW, ASCII, DISABLED, MISSED, MORE, NODE, RETRY_PENDING, STATE_GLYPHS, line_glyph
from skafos_tui.text.tables import cell_width


def test_every_line_has_the_arms_and_weights_that_its_unicode_name_says() -> None:
    drawn = set()
    for weights in product(range(3), repeat=4):
        glyph = line_glyph(*weights)
        assert arms(glyph) == {way: weight == 2 for way, weight in zip("urdl", weights, strict=True) if weight}
        drawn.add(glyph)
    assert len(drawn) == 81


def test_every_state_has_a_glyph_of_its_own_one_cell_wide() -> None:
    assert set(STATE_GLYPHS) == set(TaskState)
    glyphs = [*STATE_GLYPHS.values(), DISABLED, RETRY_PENDING, MISSED]
    assert len(set(glyphs)) == len(glyphs)
    assert all(cell_width(glyph) == 1 for glyph in (*glyphs, NODE, ARROW, MORE))


def test_no_character_needs_unicode_and_no_two_states_look_the_same_without_it() -> None:
    glyphs = [*STATE_GLYPHS.values(), DISABLED, RETRY_PENDING, MISSED]
    plain = [glyph.translate(ASCII) for glyph in glyphs]
    assert "".join(plain) == ".-^o:>+XT?#0rm"
    lines = "".join(line_glyph(*weights) for weights in product(range(3), repeat=4))
    assert (lines + NODE + ARROW + MORE).translate(ASCII).isascii()
