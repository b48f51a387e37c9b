"""HTML pages, as MediaWiki and Kiwix write them, into prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit.pages.html import read_html

FORMULA = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">'
    '<math alttext="{\\displaystyle E=mc^{2}}"><semantics><mrow><mi>E</mi></mrow>'
    '<annotation encoding="application/x-tex">{\\displaystyle E=mc^{2}}</annotation></semantics></math></span>'
    '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle E=mc^{2}}"></span>'
)


def paragraphs(body: str) -> list[str]:
    return read_html(
        f'<html><head><title>T</title></head><body><div class="mw-parser-output">{body}</div></body></html>'
    ).paragraphs


@pytest.mark.parametrize(
    "furniture",
    [
        '<div role="note" class="hatnote navigation-not-searchable">For other uses, see Nile (disambiguation).</div>',
        "<p>For other uses, see Nile (disambiguation).</p>",
        '<table class="infobox"><tr><th>Length</th><td>6,650 km of river.<table><tr><td>x</td></tr></table></td></tr></table>',
        '<table class="ambox"><tr><td>This article needs additional citations for verification.</td></tr></table>',
        "<p>This article needs additional citations for verification.</p>",
        '<div class="shortdescription">Major river in Africa that flows north.</div>',
        '<div id="toc"><h2>Contents</h2><ul><li>1 Course of the river.</li></ul></div>',
        '<style>.x{color:red} is a style. </style><script>var x = "It is code.";</script>',
        "<figure><figcaption>The Nile near Cairo in the evening.</figcaption></figure>",
        '<span id="coordinates">Coordinates: 30 N, 31 E. It is here now.</span>',
        '<span style="display:none">A hidden sentence is not read.</span>',
        '<p class="mw-empty-elt"></p>',
        "<p>From Wikipedia, the free encyclopedia</p>",
        "<p>Jump to navigation Jump to search</p>",
        '<div class="navbox"><p>Rivers of Africa are listed here.</p></div>',
        "<p>This page was last edited on 1 May 2020.</p>",
        "<p>This river-related article is a stub. You can help Wikipedia by expanding it.</p>",
        "<h2>References</h2><p>A reference with three words.</p><h3>Web</h3><p>More of the same here.</p>",
        "<h2>See also</h2><ul><li>The rivers of Africa as a list.</li><li>Another list of the rivers.</li></ul>",
    ],
)
def test_furniture_is_never_prose(furniture: str) -> None:
    prose = "<p>The Nile is a river.</p>"
    assert paragraphs(furniture + ("<h2>Course</h2>" if "<h2>" in furniture else "") + prose) == [
        "The Nile is a river."
    ]
    assert paragraphs(prose + furniture) == ["The Nile is a river."]


def test_notes_marks_and_hollow_brackets_go_and_the_spaces_with_them() -> None:
    html = (
        '<p>The <b>Nile</b> (<span class="haudio">listen</span>; <i>al-Nil</i> ) is a\n<a href="River">river</a>'
        '<sup class="reference"><a href="#n1">[1]</a></sup> , see<span class="Inline-Template">[citation needed]</span>\u00a0it'
        " (<span hidden>x</span>) \u200bflow [2].</p>"
    )
    assert paragraphs(html) == ["The Nile (al-Nil) is a river, see it flow."]


def test_raised_numbers_are_powers_and_lowered_ones_stay() -> None:
    html = "<p>It holds 10<sup>6</sup> m<sup>3</sup> of CO<sub>2</sub> in the 19<sup>th</sup> century.</p>"
    assert paragraphs(html) == ["It holds 10^6 m^3 of CO2 in the 19th century."]


def test_a_formula_is_said_once_and_readable() -> None:
    assert paragraphs(f"<p>Energy is {FORMULA}, as he found.</p>") == ["Energy is E = mc^2, as he found."]


def test_a_formula_on_its_own_line_stands_in_its_sentence() -> None:
    html = f"<p>The law is</p><dl><dd>{FORMULA}</dd></dl><p>where m is the mass.</p>"
    assert paragraphs(html) == ["The law is E = mc^2 where m is the mass."]


def test_mathml_without_a_text_form_is_read_by_its_signs() -> None:
    assert paragraphs("<p>Here <math><mi>a</mi><mo>=</mo><mi>b</mi></math> is so.</p>") == ["Here a = b is so."]


def test_a_list_after_a_colon_ends_the_sentence() -> None:
    html = (
        "<p>The countries are:</p><ul><li>Egypt<ul><li>the delta</li></ul></li><li>Sudan;</li></ul><p>It is long.</p>"
    )
    assert paragraphs(html) == ["The countries are: Egypt; the delta; Sudan.", "It is long."]


def test_a_list_of_sentences_is_read_as_sentences() -> None:
    html = "<ul><li>The first rises in Ethiopia.</li><li>The other rises near Lake Victoria.</li><li>[1]</li></ul>"
    assert paragraphs(html) == ["The first rises in Ethiopia.", "The other rises near Lake Victoria."]


def test_a_list_under_a_heading_is_one_sentence_with_the_heading() -> None:
    assert paragraphs("<h2>Works</h2><ul><li>One (1990)</li><li>Two (1991)</li></ul>") == [
        "Works: One (1990); Two (1991)."
    ]


def test_a_list_that_nothing_leads_in_to_and_a_long_one_are_left_out() -> None:
    items = "<ul>" + "<li>Home</li>" * 3 + "</ul>"
    assert paragraphs("<p>It is a river.</p>" + items) == ["It is a river."]
    assert paragraphs("<h2>Dams</h2><ul>" + "<li>A dam</li>" * 50 + "</ul><p>It is a river.</p>") == ["It is a river."]


def test_a_term_and_its_meaning_are_one_sentence() -> None:
    assert paragraphs("<dl><dt>Delta</dt><dd>the mouth of a river</dd></dl>") == ["Delta: the mouth of a river."]


def test_tags_left_open_end_where_a_browser_ends_them() -> None:
    assert paragraphs("<p>One is a number.<p>Two is another.<p>") == ["One is a number.", "Two is another."]
    html = "<p>The parts are:<ul><li>one<li>two</ul><p>It ends."
    assert paragraphs(html) == ["The parts are: one; two.", "It ends."]


def test_links_are_the_titles_of_articles() -> None:
    html = (
        '<p>A <a href="/wiki/River_Nile#Course">b</a> <a href="./C%C3%B4te_d%27Ivoire" title="Côte d\'Ivoire">c</a>'
        ' <a href="../A/AC%2FDC">d</a> <a href="https://example.org">e</a> <a href="#x">f</a>'
        ' <a href="/w/index.php?title=No&amp;redlink=1">g</a> <a href="/wiki/File:X.jpg">h</a> <a href="River_Nile">i</a>.</p>'
    )
    assert read_html(html).links == ["River Nile", "Côte d'Ivoire", "AC/DC"]


def test_a_disambiguation_page_gives_its_meanings_but_not_what_to_see_also() -> None:
    html = (
        '<p><b>Mercury</b> may refer to:</p><ul><li><a href="Mercury_(planet)">Mercury (planet)</a>, <a href="Sun">Sun</a></li>'
        '<li>the <a href="./Mercury_%28element%29">element</a></li></ul>'
        '<h2>See also</h2><ul><li><a href="Merc">Merc</a></li></ul>'
    )
    article = read_html(html)
    assert article.disambiguation
    assert article.meanings == ["Mercury (planet)", "Mercury (element)"]


def test_a_page_marked_as_disambiguation_needs_no_phrase() -> None:
    html = '<p>Mercury is several things.</p><ul><li><a href="A">A</a></li></ul><div id="disambigbox" class="dmbox">x</div>'
    assert read_html(html).disambiguation
    assert read_html(html).meanings == ["A"]


def test_a_word_that_may_refer_to_something_makes_no_disambiguation() -> None:
    article = read_html(
        '<p>The term may refer to a river.</p><h2>Works</h2><ul><li><a href="A">A</a></li><li>B</li></ul>'
    )
    assert not article.disambiguation
    assert article.meanings == []


def test_a_page_of_nothing_but_lines_keeps_its_lines() -> None:
    assert read_html("<body>A river</body>").paragraphs == ["A river"]


def test_conditional_comments_and_deep_nesting_are_survived() -> None:
    assert paragraphs("<![if IE]><p>It is so.</p><![endif]>") == ["It is so."]
    assert paragraphs("<div>" * 5_000 + "<p>It is deep.</p>") == ["It is deep."]


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<ul>",
        "<li>",
        "</li>",
        "</ul>",
        "<table>",
        "</table>",
        "<dd>",
        "<sup>",
        "</sup>",
        "<math>",
        "</math>",
    ]
)


@given(st.lists(st.one_of(TAGS, st.text(max_size=20)), max_size=30))
def test_any_markup_gives_single_lines_without_markup(parts: list[str]) -> None:
    for paragraph in read_html("".join(parts)).paragraphs:
        assert paragraph
        assert paragraph == " ".join(paragraph.split())
