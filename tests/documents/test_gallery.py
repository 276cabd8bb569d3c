"""Every example of the gallery runs, and its page has its text, code, output and pictures."""

import re

import pytest
import runnable
from examples import ROOT

GALLERY = ROOT / "docs" / "gallery"
EXAMPLES = sorted(GALLERY.glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_prints_and_draws(path):
    blocks = runnable.run(path)
    assert any(block.output for block in blocks)
    drawn = [picture for block in blocks for picture in block.pictures]
    assert drawn
    assert all(picture.startswith(b"\x89PNG") for picture in drawn)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_piece_of_code_has_a_text_above_it(path):
    title, *blocks = runnable.read(path)
    assert title.text.partition("\n")[0]
    assert all(block.text and block.code for block in blocks)


def test_the_site_lists_the_examples():
    assert len(EXAMPLES) >= 8
    listed = re.findall(r"gallery/(\w+)\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert listed == ["index", *(path.stem for path in EXAMPLES)]


def test_an_error_names_the_line_of_the_file(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text('"""Broken."""\n\n# %%\n# Text.\nx = 1\n\n# %%\n# More.\n\nx / 0\n')
    with pytest.raises(ZeroDivisionError) as caught:
        runnable.run(path)
    assert caught.traceback[-1].lineno + 1 == 10


def test_output_and_pictures_belong_to_the_block_that_made_them(tmp_path):
    path = tmp_path / "small.py"
    draw = "import matplotlib.pyplot as plt\nplt.figure()\nplt.figure()"
    path.write_text(f'"""A title.\n\nMore."""\n# %%\n# One.\n{draw}\n# %%\n# Two.\nprint(3)\n')
    title, one, two = runnable.run(path)
    assert title.text == "A title.\n\nMore."
    assert (one.text, one.code, one.output, len(one.pictures)) == ("One.", draw, "", 2)
    assert (two.text, two.code, two.output, two.pictures) == ("Two.", "print(3)", "3\n", [])
