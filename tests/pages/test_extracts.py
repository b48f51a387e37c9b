"""MediaWiki's plain-text extracts into prose."""

from reasonkit.pages.extracts import read_extract

LAYOUT = "\n  \n    \n      \n        E\n        =\n        m\n        \n          c\n          \n            2\n          \n        \n      \n    \n"


def test_headings_go_and_sections_without_prose_go_whole() -> None:
    extract = (
        "The Nile is a river.\n\n\n== Course ==\nIt flows north.\n\n\n=== Delta ===\nIt ends in a delta.\n\n"
        "== See also ==\nOther rivers of Africa.\n\n=== More ===\nStill other rivers.\n\n== Use ==\nIt is used."
    )
    assert read_extract(extract) == "The Nile is a river.\nIt flows north.\nIt ends in a delta.\nIt is used."


def test_the_layout_of_a_formula_becomes_its_readable_text_in_the_sentence() -> None:
    extract = "It is known that" + LAYOUT + "    {\\displaystyle E=mc^{2}}\n  \n, as he found. It holds."
    assert read_extract(extract) == "It is known that E = mc^2, as he found. It holds."


def test_tex_that_crashed_the_original_is_text() -> None:
    extract = "Let {\\displaystyle \\xi ={\\underset {x}{\\min }}\\,f} be it."
    assert read_extract(extract) == "Let ξ = min_x f be it."


def test_a_formula_at_the_end_is_kept() -> None:
    assert read_extract("The law is" + LAYOUT + "    {\\displaystyle E=mc^{2}}\n  ") == "The law is E = mc^2"


def test_boilerplate_hollow_brackets_and_footnote_marks_go() -> None:
    extract = "This article needs additional citations.\nZürich ( ; German: [ˈtsyːrɪç] ) is a city [1] .\nA"
    assert read_extract(extract) == "Zürich (German: [ˈtsyːrɪç]) is a city."


def test_an_empty_extract_is_empty() -> None:
    assert read_extract("") == ""
    assert read_extract("\n\n== References ==\n") == ""
