import base64
import dataclasses
import functools
import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from samplewise import text
from samplewise.plots import figures
from samplewise.report import html, markdown, write
from samplewise.report.document import Bullets, FactList, Heading, Paragraph, Table
from samplewise.report.pictures import outcome_pictures, predictions_picture
from samplewise.report.write import results

VOID = {"meta", "img"}
# Drawing the pictures takes half a second.
document = functools.cache(write.document)
LEARNS_NOTHING = "single neuron learns nothing"
ATTACK = "<script>alert(1)</script>"


def blocks(document, kind):
    return [block for block in document.blocks if isinstance(block, kind)]


def paragraphs(document):
    return [block.text for block in blocks(document, Paragraph)]


class Page(HTMLParser):
    """Holds a page to balanced tags, and collects what it refers to and says."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.said = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        assert not [name for name, _ in attributes if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


@pytest.fixture(params=["measured", "measured_hostile", "measured_synthetic", "measured_table"])
def told(request):
    return document(request.getfixturevalue(request.param))


def test_the_page_is_well_formed_and_needs_no_other_file(told):
    page = Page(html.render(told))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "http://" not in html.render(told)
    assert "https://" not in html.render(told)
    assert page.tags.count("img") == len(page.links) == len(told.pictures)
    for link in page.links:
        head, _, body = link.partition(",")
        assert head == "data:image/png;base64"
        assert min(Image.open(io.BytesIO(base64.b64decode(body, validate=True))).size) > 200


def test_no_fact_is_told_without_its_value(told):
    facts = [fact for block in blocks(told, FactList) for fact in block.rows]
    assert facts
    assert all(map(all, facts))


def test_the_markdown_shows_every_picture_and_table(told):
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.render(told))
    inline = [child for token in tokens for child in token.children or ()]
    pictures = [child.attrs["src"] for child in inline if child.type == "image"]
    assert pictures == [picture.file for picture in told.pictures]
    assert not [token for token in (*tokens, *inline) if token.type.startswith("html")]
    assert sum(token.type == "table_open" for token in tokens) == len(
        blocks(told, (Table, FactList))
    )


def test_both_show_the_same_figures(told):
    page, text = "\n".join(Page(html.render(told)).said), markdown.render(told)
    cells = [cell for table in blocks(told, Table) for row in table.rows for cell in row.cells]
    assert cells
    for cell in cells:
        assert cell.text in page.split("\n")
        shown = f"{cell.text} ({cell.range})" if cell.range else cell.text
        assert f"| {markdown.escape(shown)} |" in text
    for line in (*paragraphs(told), *(block.text for block in blocks(told, Heading))):
        assert line in page
        assert markdown.escape(line) in text


def test_a_hostile_class_name_stays_text(measured_hostile):
    told = document(measured_hostile)
    page = html.render(told)
    assert "<script" not in page
    assert ATTACK in "".join(Page(page).said)
    text = markdown.render(told)
    assert "<script" not in text
    shown = MarkdownIt("commonmark").render(text.splitlines()[0])
    assert "&lt;script&gt;alert(1)&lt;/script&gt; against ](x)|`*_\\&amp;amp;" in shown


def test_control_characters_and_lone_surrogates_are_escaped():
    assert markdown.escape("a\x1b\nb\ud800") == r"a\\x1b\\nb\\ud800"
    assert markdown.escape("long " * 100) == "long " * 100


def test_synthetic_is_said_in_the_title_and_beside_every_figure(measured_synthetic, measured):
    told = document(measured_synthetic)
    assert "synthetic" in told.title
    assert "synthetic" in told.warning
    assert all("synthetic" in picture.caption for picture in told.pictures)
    assert markdown.render(told).count("here on synthetic data") == len(blocks(told, Table))
    assert "Synthetic data." in html.render(told)
    assert "ynthetic data" not in html.render(document(measured))


def test_a_drawn_dataset_of_another_name_is_called_synthetic_too(measured):
    drawn = dataclasses.replace(measured.dataset, synthetic=True)
    told = document(dataclasses.replace(measured, dataset=drawn))
    assert told.title.endswith("images (synthetic data)")


def test_what_differs_is_said(measured, measured_table):
    told = " ".join(blocks(document(measured), Bullets)[0].lines)
    assert "hosted notebook on an unknown processor" in told
    assert "not like for like" in told
    assert "32 training rows here and 800" in told
    table = " ".join(blocks(document(measured_table), Bullets)[0].lines)
    assert "30 values here and 784" in table
    assert "float32" in table
    assert "standardize; the report divides pixels by 255" in table


def test_a_rate_of_one_is_explained_beside_our_own_outcome(measured, measured_synthetic):
    (remark,) = [text for text in paragraphs(document(measured)) if LEARNS_NOTHING in text]
    assert "0.7699" in remark
    final = [run.losses[-1] for run in measured.rows[0].runs]
    assert f"{sum(final) / 2:.4f} ({min(final):.4f}–{max(final):.4f})" in remark
    assert LEARNS_NOTHING not in " ".join(paragraphs(document(measured_synthetic)))


def test_a_table_of_measurements_has_no_pictures_of_rows(measured_table, measured):
    assert len(outcome_pictures(measured_table.chosen)) == 1
    assert outcome_pictures(measured.chosen)[1] in document(measured).pictures


def test_the_run_behind_the_confusion_matrix_is_named(measured):
    *_, confusion, predictions = document(measured).pictures
    assert "row final-1, run 1" in confusion.caption
    assert "row final-1, run 1" in predictions.caption
    right, all_rows = map(int, re.findall(r"(\d+) of (\d+)", confusion.caption)[0])
    assert right / all_rows == measured.rows[2].runs[0].accuracy


def test_the_first_test_images_are_shown_with_class_and_probability(measured, monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "predicted_images", lambda *given: shown.append(given) or b"")
    # Turned about, so that the right predictions become the wrong ones.
    test = dataclasses.replace(measured.data.test, labels=1 - measured.data.test.labels)
    chosen = measured.chosen.first
    turned = dataclasses.replace(chosen, data=dataclasses.replace(chosen.data, test=test))
    for run in (chosen, turned):
        predictions_picture(run, "final-1, run 1", "predictions.png")
    (images, captions, _, wrong), (_, captions_turned, _, wrong_turned) = shown
    assert (images.reshape(len(images), -1) == measured.data.test.X).all()
    assert [not flag for flag in wrong] == wrong_turned
    model, names = measured.chosen.first.model, ("4", "9")
    for row, chances in enumerate(model.probabilities(measured.data.test.X)):
        text = f"{names[chances.argmax()]} · {100 * chances.max():.1f} %"
        is_wrong = chances.argmax() != measured.data.test.labels[row]
        assert wrong[row] == is_wrong
        other = f"{text}\nis {names[1 - chances.argmax()]}"
        assert captions[row] == (other if is_wrong else text)
        assert captions_turned[row] == (text if is_wrong else other)


def test_the_headlines_are_sums_and_means_of_the_rows(measured):
    """The step's speed-up by hand: published and our time of all rows, 800 and 32 rows an epoch."""
    whole, step, accuracy = document(measured).headlines
    ours = sum(run.train_ms for row in measured.rows for run in row.runs) / 2
    theirs = sum(row.row.train_ms for row in measured.rows)
    assert whole.value == f"{text.three_digits(ours)} ms"
    assert step.value == text.times(theirs / 800 / (ours / 32))
    shares = [run.accuracy for row in measured.rows[2:] for run in row.runs]
    assert accuracy.value == f"{100 * sum(shares) / 4:.1f} %"
    assert f"mean of 4 runs on images, from {100 * min(shares):.1f} %" in accuracy.detail


def test_the_conditions_are_told(measured):
    conditions = dict(blocks(document(measured), FactList)[0].rows)
    assert conditions["backend"] == "vectorized (named by the caller)"
    assert conditions["seeds"] == "5 for the split, 5 to 12 for the weights, one a run"
    assert conditions["arithmetic"] == "float64, 1 thread"
    assert conditions["split"] == "32 rows for training, 8 for testing"


def test_the_results_hold_every_run(measured):
    values = results(measured)
    assert [row["published"]["id"] for row in values["rows"]] == [
        row.row.id for row in measured.rows
    ]
    assert values["rows"][1]["runs"][1]["losses"] == measured.rows[1].runs[1].losses
    assert values["settings"]["repeats"] == 2
    assert sum(map(sum, values["confusion"]["counts"])) == values["data"]["test_rows"]
