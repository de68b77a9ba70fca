"""The section on a published system: what its paper would show, and nothing for other lines."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tasks.reporting.content import ReportContent
from tasks.reporting.published import latent_pictures
from tasks.reporting.published_content import (
    LatentPictures,
    OwnCut,
    OwnScoreRow,
    PublishedContent,
    SetDistance,
    SetDistances,
)
from tasks.reporting.report import render_report
from tasks.vocabulary.arrays import UInt8Array
from tests.reporting.test_report import Outline

FIRST = OwnScoreRow(
    "system.negative_elbo",
    "kl + <i>likelihood</i>",
    "A paper, equation 7",
    0.8125,
    OwnCut(3.5, 2, 11),
    OwnCut(1.25, 0, 37),
    decides=True,
)
SECOND = replace(FIRST, column="system.search_loss", auroc=math.nan, decides=False)
SECOND = replace(SECOND, crossing="They do not <b>cross</b>.", zero_escape="No defect has one.")
JUDGED = PublishedContent((FIRST, SECOND), n_normal=40, n_abnormal=39, unanswered=3)


def png(side: int, random: bool = False) -> bytes:
    picture: UInt8Array = np.full((side, side), 90, np.uint8)
    if random:
        picture = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def page_of(content: ReportContent, judged: PublishedContent | None) -> str:
    return render_report(replace(content, published=judged))


def section(content: ReportContent, judged: PublishedContent) -> str:
    found = page_of(content, judged).partition('<section id="published">')[2]
    return found.partition("</section>")[0].replace("\u00a0", " ")


def cells(row: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]


def test_a_line_without_own_scores_has_no_section(content: ReportContent) -> None:
    page = page_of(content, None)
    assert 'id="published"' not in page
    assert 'href="#published"' not in page


def test_each_score_shows_its_meaning_auroc_and_cuts(content: ReportContent) -> None:
    found = section(content, JUDGED)
    first, second = re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", found, re.DOTALL)
    assert "Negative ELBO" in first
    assert "kl + &lt;i&gt;likelihood&lt;/i&gt; (A paper, equation 7)" in first
    assert cells(first) == ["0.812", "3.5", "2 of 39", "11 of 40", "1.25", "37 of 40"]
    assert [score.count("its paper decides by this one") for score in (first, second)] == [1, 0]
    assert cells(second) == [
        "\u2013",
        "None. They do not &lt;b&gt;cross&lt;/b&gt;.",
        "None. No defect has one.",
    ]


def test_it_says_whose_images_these_are_and_what_is_certified(content: ReportContent) -> None:
    found = section(replace(content, composite_auroc=0.9), JUDGED)
    assert "40 good boards and 39 defects of development; 3 images without an answer" in found
    assert "fitted on the very images that they are judged by" in found
    assert "the certificate of this report is of the composite score only" in found
    assert "has an AUROC of 0.900, out-of-fold" in found
    whole = section(content, replace(JUDGED, unanswered=0))
    assert "without an answer" not in whole
    assert "composite score of this line has" not in whole
    assert "<img" not in whole
    assert "Latents of whole sets" not in whole


def test_both_pictures_come_with_words_that_tell_how_to_read_them(content: ReportContent) -> None:
    judged = replace(JUDGED, pictures=LatentPictures(png(30), png(16), 12))
    page = page_of(content, judged)
    outline = Outline(page)
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)
    found = section(content, judged)
    shown = re.findall(r'src="data:image/png;base64,([^"]+)"', found)
    assert [base64.b64decode(one) for one in shown] == [png(30), png(16)]
    assert "Map of 12 real images and as many drawings" in found
    assert "another part of the map" in found
    assert "row by row" in found
    lacking = section(content, replace(JUDGED, pictures="2 images make no map."))
    assert "No pictures of latents: 2 images make no map." in lacking
    assert "<img" not in lacking


@pytest.mark.parametrize(("side", "shown"), [(1024, 1024), (1500, 750)])
def test_a_heavy_way_is_made_lighter(side: int, shown: int) -> None:
    way_png = png(side, random=True)
    judged = replace(JUDGED, pictures=LatentPictures(png(8), way_png, 4))
    found = latent_pictures(judged)
    assert found is not None
    kind, _, encoded = found.way_source.partition(",")
    assert kind == "data:image/jpeg;base64"
    content = base64.b64decode(encoded)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (shown, shown)
    assert len(content) < 0.5 * len(way_png)
    assert found.way_size == (side, side)


def test_sets_of_one_size_stand_beside_each_other(content: ReportContent) -> None:
    rows = (SetDistance("good boards", 1.25), SetDistance("defects", 4.5))
    found = section(content, replace(JUDGED, distances=SetDistances(30, rows)))
    assert "30 images in each set" in found
    assert "Small sets are rated too far" in found
    table = found.partition("set-distances")[2]
    assert cells(table) == ["1.25", "4.5"]
    assert table.index("good boards") < table.index("defects")
    lacking = section(content, replace(JUDGED, distances="No <b>set</b>."))
    assert "No distances of sets: No &lt;b&gt;set&lt;/b&gt;." in lacking
    assert "set-distances" not in lacking
