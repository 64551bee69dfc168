"""The edited text keeps every byte that no edit touched, and its syntax tree keeps up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from textual._cells import cell_len

from skafos_tui.tui.editor.document import ConfigDocument, split_lines, usual_newline
from skafos_tui.tui.editor.syntax import SAFE_COLUMN, parse, stretches

PIECES = st.sampled_from(
    ["a", "key: v", "- ", ": ", "  ", "\n", "\r\n", "\r", "\t", "é", "漢", "😀", "#", "[", "]", '"', "'", "|\n", "&x "]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)
CUTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), TEXTS), max_size=12)


@given(TEXTS, CUTS)
def test_after_any_replacements_the_text_is_that_of_the_same_cuts_in_a_string(text: str, cuts: list) -> None:
    document, plain = ConfigDocument(text), text
    for one, other, inserted in cuts:
        places = sorted(document.location_of(int(part * len(plain))) for part in (one, other))
        start, end = (document.offset_of(place) for place in places)
        result = document.replace_range(places[0], places[1], inserted)
        assert result.replaced_text == plain[start:end]
        plain = plain[:start] + inserted + plain[end:]
        assert document.text == plain
        assert document.get_text_range((0, 0), document.end) == plain
        rows = range(document.line_count)
        assert "".join(document._lines[row] + document._ends[row] for row in rows) == plain
        assert all(plain[document.offset_of((row, 0)) :].startswith(document._lines[row]) for row in rows)
        assert document.get_size(2).width == max(cell_len(line.expandtabs(2)) for line in document._lines)


@given(TEXTS, CUTS)
def test_a_replacement_taken_back_leaves_the_text_as_it_was(text: str, cuts: list) -> None:
    document = ConfigDocument(text)
    for one, other, inserted in cuts:
        before = document.text
        start, end = sorted(document.location_of(int(part * len(before))) for part in (one, other))
        result = document.replace_range(start, end, inserted)
        document.replace_range(start, result.end_location, result.replaced_text)
        assert document.text == before


@settings(max_examples=60)
@given(TEXTS, CUTS)
def test_the_tree_of_an_edited_text_covers_all_of_it(text: str, cuts: list) -> None:
    document = ConfigDocument(text)
    for one, other, inserted in cuts:
        start, end = sorted(document.location_of(int(part * len(document.text))) for part in (one, other))
        document.replace_range(start, end, inserted)
        assert document.tree is not None
        assert document.tree.root_node.end_byte <= len(document.text.encode())


def test_every_line_keeps_its_own_line_break() -> None:
    assert split_lines("a\r\nb\nc\rd") == (["a", "b", "c", "d"], ["\r\n", "\n", "\r", ""])
    assert usual_newline(["\r\n", "\n", "\r\n", ""]) == "\r\n"


def test_other_separators_are_text() -> None:
    assert split_lines("a\x0cb\u2028c\x85d") == (["a\x0cb\u2028c\x85d"], [""])


def test_lines_too_deep_for_the_grammar_are_not_parsed() -> None:
    deepest = "- " * (SAFE_COLUMN // 2)
    assert parse(deepest, [deepest]) is not None
    beyond = "- " * 200
    assert parse(beyond, [beyond]) is None
    prose = "# " + "one - two: three? " * 5 + "x" * 200
    assert parse(prose, [prose]) is not None


def test_nested_as_deep_as_short_lines_allow_is_parsed() -> None:
    lines = ["  " * level + "- a:" for level in range(56)]
    assert parse("\n".join(lines), lines) is not None


def test_keys_comments_and_values_are_told_apart_in_broken_yaml_too() -> None:
    text = 'name: "a\njobs:\n  - retries: 3  # often\n    enabled: true\n'
    tree = parse(text, text.split("\n"))
    assert tree is not None
    kinds = {kind for row in stretches(tree, 0, 4).values() for _, _, kind in row}
    assert "key" in kinds
    whole = text.replace('"a', '"a"')
    found = stretches(parse(whole, whole.split("\n")), 2, 3)  # type: ignore[arg-type]
    assert (4, 11, "key") in found[2] and (13, 14, "number") in found[2] and (16, 23, "comment") in found[2]
    assert (4, 11, "key") in found[3] and (13, 17, "constant") in found[3]
