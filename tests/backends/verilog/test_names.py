"""Names that Verilog and Python both take."""

import keyword

import pytest

from lithify.backends.verilog.names import KEYWORDS, identifier, identifiers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("Pixel_3", "Pixel_3"),
        ("a b", "a_b"),
        ("layers.0.l1.xor", "layers_0_l1_xor"),
        ("class", "class_"),
        ("input", "input_"),
        ("7seg", "n7seg"),
        ("_x", "x"),
        ("%3", "n3"),
        ("größe", "gr_e"),
        ("", "unnamed"),
        ("$$$", "unnamed"),
    ],
)
def test_identifier(name: str, expected: str) -> None:
    assert identifier(name) == expected


@pytest.mark.parametrize("name", sorted(KEYWORDS))
def test_no_keyword_stays(name: str) -> None:
    assert identifier(name) == name + "_"


def test_words_that_both_languages_keep_are_known() -> None:
    shared = {
        "and",
        "assert",
        "break",
        "class",
        "continue",
        "else",
        "for",
        "global",
        "if",
        "import",
    }
    shared |= {"not", "or", "return", "while", "with"}
    assert shared <= KEYWORDS and all(map(keyword.iskeyword, shared))


def test_identifiers_are_unique() -> None:
    assert identifiers(["a b", "a.b", "a_b", "a_b_2"]) == ["a_b", "a_b_2", "a_b_3", "a_b_2_2"]


def test_taken_names_are_not_given() -> None:
    assert identifiers(["clk", "en", "x"], taken={"clk", "en"}) == ["clk_2", "en_2", "x"]
