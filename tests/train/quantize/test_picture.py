"""The picture is well-formed SVG and says what each format makes of a number."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from reasonkit.train.quantize.picture import ALL, picture

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_a_row_of_bits_and_a_line_of_steps_for_each_format() -> None:
    root = ET.fromstring(picture([0.1, -0.02, 0.0, 3.0], title="a <model> & more"))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    bits = [element for element in root.iter(f"{SVG}text") if element.get("class") == "b"]
    assert len(bits) == sum(shown.form.bits for shown in ALL)
    assert len(list(root.iter(f"{SVG}polyline"))) == len(ALL)
    for said in (
        "becomes 3.140625, off by -0.00097",
        "becomes 3, off by -0.14",
        "a <model> & more: what 3.1415927 becomes",
    ):
        assert said in texts
    assert any("range 6.1e-05 to 6.55e+04; step 0.000977 at 1" in text for text in texts)
    assert "the model's weights" in texts


def test_everything_that_is_drawn_lies_within_the_frame() -> None:
    root = ET.fromstring(picture([1e-30, 1e30]))
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for line in root.iter(f"{SVG}polyline"):
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
