from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.content import BoardExample, Redrawing, ReportContent, ScoredImages
from tasks.reporting.report import headlines, render_report

VOID = {"meta", "img", "br"}  # of HTML; SVG marks close themselves or are closed


class Outline(HTMLParser):
    """Reads a page strictly: every element closes in order, ids are unique, images speak."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.scripts = 0
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"] or "")
        if tag == "img":
            assert values.get("alt")
            self.sources.append(values["src"] or "")
        if tag == "svg":
            assert values.get("aria-label")
        if tag == "a":
            self.links.append(values["href"] or "")
        self.scripts += tag == "script"
        assert not any(name.startswith("on") for name in values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"path", "line", "polyline"}
        assert dict(attrs).get("class")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words).replace("\u00a0", " "))


def read(content: ReportContent) -> tuple[str, Outline]:
    page = render_report(content)
    return page, Outline(page)


def test_page_is_well_formed_and_needs_no_network(content: ReportContent) -> None:
    page, outline = read(content)
    assert page.startswith("<!doctype html>")
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    assert all(source.startswith("data:image/png;base64,") for source in outline.sources)
    bare = re.sub(r"data:image/png;base64,[\w+/=]+", "", page)
    assert not re.search(r"""https?:|["'(]//|@import|url\(|srcset|<link|<iframe""", bare)
    assert "default-src 'none'" in page


def test_policy_admits_exactly_the_own_script(content: ReportContent) -> None:
    page, outline = read(content)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert outline.scripts == 1


def test_first_screen_says_counts_with_n_and_bound(content: ReportContent) -> None:
    _, outline = read(content)
    said = outline.text
    assert content.certificate is not None
    calls = content.certificate.false_calls
    assert "No escape among 40 held-out defects" in said
    assert "0 of 40 held-out defects were missed." in said
    assert "true rate below 7.21 % at 95 % confidence" in said
    assert f"{calls} of 24" in said
    assert "Zero escapes is dear on this set." in said
    assert "alone: letting them escape would leave 20 (22 %)" in said


def test_every_example_is_shown_once_and_hardest_first(content: ReportContent) -> None:
    page, outline = read(content)
    assert outline.text.count("Candidates with mask") == len(content.examples)
    order = [page.index(f">{name}</h3>") for name in ("panel_1.png", "panel_2.png", "panel_10.png")]
    assert order == sorted(order)
    for example in content.examples:
        assert page.count(f">{example.source_name}</h3>") == 1


def test_boards_are_headed_by_their_file_name(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    digest = "407e744ebf87afdec997709b3b3196cb10c89daf6065bf8b2deb4da686985ad0"
    named = make_board(1, "abnormal", 0.8, image_id=digest, source_name="lot 7/cell1315.png")
    unnamed = make_board(2, "abnormal", 0.9, image_id=digest, source_name="")
    page, outline = read(dataclasses.replace(content, examples=(named, unnamed)))
    assert ">cell1315.png</h3>" in page
    assert "lot 7/cell1315.png · id 407e744ebf87 · development" in outline.text
    assert ">407e744ebf87</h3>" in page
    assert digest not in outline.text


def test_page_explains_its_axis_and_its_choice(content: ReportContent) -> None:
    _, outline = read(content)
    assert "The axis is stretched towards both ends (log-odds)" in outline.text
    assert "The classifier was chosen on these same out-of-fold scores" in outline.text
    linear = ScoredImages(content.development.scores_N * 9.0, content.development.labels_N)
    changed = dataclasses.replace(content, development=linear)
    assert "log-odds" not in read(changed)[1].text
    single = dataclasses.replace(content, classifiers=content.classifiers[:1])
    assert "The classifier was chosen" not in read(single)[1].text


def test_shown_input_is_the_stored_image(content: ReportContent) -> None:
    page, _ = read(content)
    owner = next(example for example in content.examples if example.sets_threshold)
    found = re.search(rf'base64,([\w+/=]+)" alt="Input of board {owner.source_name}"', page)
    assert found is not None
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as shown:
        np.testing.assert_array_equal(np.asarray(shown), owner.input_HWC[:, :, 0])


def test_hostile_names_stay_names(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    hostile = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>.png"
    example = make_board(1, "normal", 0.1, source_name=hostile, image_id=hostile, caption=hostile)
    changed = dataclasses.replace(
        content,
        examples=(example,),
        product_line=hostile,
        title=hostile,
        device=hostile,
        history=tuple({"step": step, hostile: step} for step in range(3)),
    )
    page, outline = read(changed)
    assert outline.scripts == 1
    assert "<img src=x" not in page
    assert hostile in outline.text


def without(content: ReportContent, *names: str, **changes: object) -> ReportContent:
    defaults = {field.name: field for field in dataclasses.fields(content)}
    for name in names:
        field = defaults[name]
        factory = field.default_factory
        changes[name] = field.default if factory is dataclasses.MISSING else factory()
    return dataclasses.replace(content, **changes)  # type: ignore[arg-type]  # fields of any type


def test_no_mask_no_history_no_undecided(content: ReportContent) -> None:
    bare = without(content, "mask_HW", "history", "undecided_N", "best_step")
    _, outline = read(bare)
    assert "No mask: the images of this line are not aligned" in outline.text
    assert "“vqgan” has no training history" in outline.text
    assert "undecided boards" not in outline.text.lower().split("hardest defects")[0]


def test_how_well_it_redraws_is_told_and_worse_than_the_mean_image_is_a_warning(
    content: ReportContent,
) -> None:
    page, outline = read(content)
    said = "redraws unseen normals with a PSNR of 29.6 dB; their mean image alone"
    assert outline.text.count(said) == 1
    worse = dataclasses.replace(content, redrawing=Redrawing(12.5, 28.9))
    page, outline = read(worse)
    assert page.count('<p class="note">The reconstruction redraws unseen normals') == 2
    assert "Train longer" in outline.text
    assert "redraws unseen normals" not in read(without(content, "redrawing"))[1].text


def test_bare_minimum_renders_and_claims_nothing(content: ReportContent) -> None:
    bare = ReportContent(
        product_line="line",
        title="title",
        created_at="2026-01-01",
        threshold=0.5,
        development=content.development,
        ladder=(),
    )
    _, outline = read(bare)
    assert "Not certified" in outline.text
    assert "No escape" not in outline.text
    assert "The price of zero escapes is not known" in outline.text


def test_one_example_without_mask_boxes(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    single = make_board(3, "abnormal", 0.8, masked_boxes_Q4=None, box_scores_Q=None)
    page, outline = read(dataclasses.replace(content, examples=(single,)))
    assert 'data-count="4"' in page
    assert "The board that sets the threshold" not in outline.text


def test_zero_certification_normals_leaves_false_calls_unknown(content: ReportContent) -> None:
    held = content.certification
    assert held is not None
    assert content.certificate is not None
    abnormal = ScoredImages(held.abnormal, np.ones(len(held.abnormal)))
    certificate = dataclasses.replace(content.certificate, n_normal=0, false_calls=0)
    _, outline = read(dataclasses.replace(content, certification=abnormal, certificate=certificate))
    assert "so false calls are unknown" in outline.text
    assert "no good board was held out to ask" in outline.text


def test_infinite_and_missing_scores_are_shown_as_flagged(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    scores = content.development.scores_N.copy()
    scores[0], scores[-1] = math.inf, math.nan
    example = make_board(8, "normal", math.inf)
    changed = dataclasses.replace(
        content,
        development=ScoredImages(scores, content.development.labels_N),
        examples=(example,),
    )
    page, outline = read(changed)
    assert "score infinite" in outline.text
    assert "1 normal without a finite score: flagged" in page
    assert "1 abnormal without a finite score: flagged" in page
    assert "good board, false call" in outline.text


def test_escapes_are_named_first(content: ReportContent) -> None:
    assert content.certificate is not None
    certificate = dataclasses.replace(content.certificate, escapes=3)
    page, outline = read(dataclasses.replace(content, certificate=certificate))
    assert "3 of 40 held-out defects escaped" in outline.text
    assert 'class="verdict bad"' in page


def test_looks_changed_labels_and_warnings_are_said(content: ReportContent) -> None:
    assert content.certificate is not None
    certificate = dataclasses.replace(
        content.certificate,
        looks=3,
        labels_changed=2,
        warnings=("The <b>size</b> alone separates the classes.",),
        page="line-certificate.html",
    )
    _, outline = read(dataclasses.replace(content, certificate=certificate))
    assert "have now answered 3 times" in outline.text
    assert "2 labels were changed after scores were seen" in outline.text.replace("\u00a0", " ")
    assert "The <b>size</b> alone separates the classes." in outline.text
    assert "line-certificate.html" in outline.links
    quiet, outline = read(content)
    assert "changed after scores were seen" not in quiet
    assert "have now answered" not in outline.text


def test_24_coloured_boards_of_128_px_stay_under_6_mb(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    boards = []
    for index in range(24):
        random = np.random.default_rng(index)
        # noise in four low bits: as hard to compress as a camera image of a busy board
        image = random.integers(80, 112, (128, 128, 3), dtype=np.uint8)
        smooth = np.full_like(image, 96) + random.integers(0, 4, image.shape, dtype=np.uint8)
        difference = np.abs(image.astype(np.float32) - smooth).mean(axis=2) / 255.0
        shown = make_board(index, "normal", 0.5, side=128)
        boards.append(
            dataclasses.replace(
                shown, input_HWC=image, reconstruction_HWC=smooth, difference_HW=difference
            )
        )
    page = render_report(dataclasses.replace(content, examples=tuple(boards)))
    assert len(page.encode()) < 6_000_000


@pytest.mark.slow
def test_12_coloured_boards_of_1024_px_stay_under_6_mb(
    content: ReportContent, make_board: Callable[..., BoardExample]
) -> None:
    random = np.random.default_rng(0)
    # tracks of 6 px under noise in four low bits, as hard to compress as a busy board
    tracks = 60 * (np.add.outer(np.arange(1024) // 9, np.arange(1024) // 6) % 3 == 0)
    image = (tracks[:, :, None] + random.integers(80, 112, (1024, 1024, 3))).astype(np.uint8)
    boards = tuple(
        make_board(
            index,
            "normal",
            0.5,
            side=1024,
            input_HWC=image,
            reconstruction_HWC=image,
            difference_HW=random.random((1024, 1024), dtype=np.float32),
        )
        for index in range(12)
    )
    mask = random.random((1024, 1024))
    page = render_report(dataclasses.replace(content, examples=boards, mask_HW=mask))
    assert len(page.encode()) < 6_000_000
    assert "Boards of 1,024 px are shown at 512 px" in page
    found = re.search(r'jpeg;base64,([\w+/=]+)" alt="Candidates of board panel_0.png', page)
    assert found is not None
    assert 'width="1024" height="1024"' in page[found.end() : found.end() + 120]
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as shown:
        assert shown.size == (512, 512)


def test_headlines_are_four_to_six(content: ReportContent) -> None:
    assert 4 <= len(headlines(content)) <= 6
    assert all(headline.detail for headline in headlines(content))


def test_same_content_renders_the_same_bytes(content: ReportContent) -> None:
    assert render_report(content) == render_report(content)


@pytest.mark.parametrize("threshold", [math.inf, -3.0])
def test_extreme_thresholds_render(content: ReportContent, threshold: float) -> None:
    read(dataclasses.replace(content, threshold=threshold, examples=()))
