"""Pictures of one board: difference as heat, candidates and suspected regions drawn on it, as PNG.

Legend: H height, W width, C channels, Q candidates, R regions. Boxes are (top, left, bottom, right) in
pixels, bottom and right exclusive. All pictures keep the image's own resolution; whoever shows them
scales them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.vocabulary.errors import InputError

UInt8Array = NDArray[np.uint8]
AnyFloatArray = NDArray[np.floating[Any]]

HEAT_COLOURS = "inferno"
HEAT_TOP = 0.25  # differences of a quarter of full scale and more are equally white
JPEG_QUALITIES = (88, 80, 70, 55, 40, 25, 12, 5)
JPEG_BYTES = 68_000  # five for each of twelve boards, in base64, stay under 6 MB
REGIONS_SHOWN = (
    5  # of 150 synthetic defects two of candidates hit 132, all no more; one by place all
)
OUTLINED = 12  # outlines of more boxes than this cover the defect that they should show

_BOX_COLOUR = (255, 214, 10)
_TINT_LOW, _TINT_HIGH = (255, 149, 0), (255, 45, 85)
_FINE_OUTLINE_PX = 256
_HALO_COLOUR = (15, 23, 32)
_TILE_GAP_PX = 12
_Rectangle = tuple[int, int, int, int]


def png_bytes(array: NDArray[Any]) -> bytes:
    """PNG of a uint8 `[H, W]`, `[H, W, 1]` or `[H, W, 3]` picture, lossless."""
    return _encoded(Image.fromarray(picture_array(array)))


def compact_png_bytes(array: NDArray[Any]) -> bytes:
    """PNG with at most 256 colours: exact for heat and grey, close for candidate overlays."""
    picture = Image.fromarray(picture_array(array))
    if picture.mode == "RGB":
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    return _encoded(picture)


def jpeg_bytes(array: NDArray[Any], most_bytes: int = JPEG_BYTES) -> bytes:
    """JPEG of the best quality of `JPEG_QUALITIES` that fits into `most_bytes`, else of the last.

    Full colour resolution, so that thin outlines keep their colour. Not optimised: Pillow then
    fails on pictures of pure noise, whose file outgrows its buffer.
    """
    picture = Image.fromarray(picture_array(array))
    encoded = b""
    for quality in JPEG_QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG", quality=quality, subsampling=0)
        encoded = buffer.getvalue()
        if len(encoded) <= most_bytes:
            break
    return encoded


def heat(difference_HW: AnyFloatArray, top: float = HEAT_TOP) -> UInt8Array:
    """Difference as uint8 RGB `[H, W, 3]`: black at 0, pale yellow at `top` and above.

    The range is fixed, so the heat of two boards compares; a value that is not a number shows as
    `top`, because what was not measured must not look harmless.
    """
    if top <= 0.0:
        raise InputError(f"The top of the heat range is {top}.", "Give a positive difference.")
    shares_HW = np.nan_to_num(np.asarray(difference_HW, dtype=np.float64) / top, nan=1.0)
    levels_HW = np.rint(np.clip(shares_HW, 0.0, 1.0) * 255.0).astype(np.uint8)
    colours = matplotlib.colormaps[HEAT_COLOURS](np.arange(256))[:, :3]
    table: UInt8Array = np.rint(np.asarray(colours) * 255.0).astype(np.uint8)
    picture: UInt8Array = table[levels_HW]
    return picture


def candidate_overlay(
    image_HWC: UInt8Array,
    boxes_Q4: NDArray[np.int64],
    scores_Q: AnyFloatArray | None = None,
    outlined: int = OUTLINED,
) -> UInt8Array:
    """Draw the candidates on the image in grey: uint8 RGB `[H, W, 3]`.

    The tint grows with the summed scores of the boxes that cover a pixel. At most `outlined` boxes,
    the highest scores first and hardly overlapping, get a one-pixel outline around them. Without
    scores all boxes weigh the same. Raises `InputError` for a box outside the image: a wrong box
    would show a wrong place.
    """
    grey_HW = _grey(image_HWC)
    canvas_HWC: NDArray[np.float64] = np.multiply(grey_HW[:, :, None], (0.8, 0.8, 0.8))
    boxes_Q4 = np.asarray(boxes_Q4, dtype=np.int64).reshape(-1, 4)
    if len(boxes_Q4) == 0:
        return _rounded(canvas_HWC)
    check_boxes(boxes_Q4, *grey_HW.shape)
    weights_Q = _weights(scores_Q, len(boxes_Q4))
    cover_HW = _coverage(boxes_Q4, weights_Q, *grey_HW.shape)
    share_HW1 = (cover_HW / cover_HW.max())[:, :, None]
    tint_HWC = np.array(_TINT_LOW) * (1.0 - share_HW1) + np.array(_TINT_HIGH) * share_HW1
    alpha_HW1 = np.where(share_HW1 > 0.0, 0.12 + 0.38 * share_HW1, 0.0)
    canvas_HWC = canvas_HWC * (1.0 - alpha_HW1) + tint_HWC * alpha_HW1
    for index in reversed(_apart(boxes_Q4, weights_Q, outlined)):
        _outline(canvas_HWC, boxes_Q4[index])
    return _rounded(canvas_HWC)


class HeatScale(NamedTuple):
    """What heat means: black at `low` and below, pale yellow at `top`; `word` names it and the scores."""

    low: float
    top: float
    word: str

    @property
    def title(self) -> str:
        """What stands above the heat map."""
        unit = "" if self.word == DIFFERENCES.word else f"{self.word} "
        return f"Heat map ({unit}{self.low:.2g} to {self.top:.2g})"


DIFFERENCES = HeatScale(0.0, HEAT_TOP, "score")


class Suspicion(NamedTuple):
    """Where a board is suspected: `heat_HW`, as `scale` says, and regions, worst first."""

    heat_HW: AnyFloatArray
    boxes_R4: NDArray[np.int64]
    scores_R: AnyFloatArray
    scale: HeatScale = DIFFERENCES


def inspection_overlay(
    image_HWC: UInt8Array,
    reconstruction_HWC: UInt8Array,
    difference_HW: AnyFloatArray,
    boxes_Q4: NDArray[np.int64],
    scores_Q: AnyFloatArray | None,
    verdict: str,
    suspicion: Suspicion | None = None,
) -> bytes:
    """PNG of input, reconstruction, difference and candidates side by side, the verdict beneath.

    With a suspicion there are two rows: its regions on the input, its heat map and the candidates above
    the other three; and the foot tells size and place of the regions, which need not come from candidates.
    Images of at most 256 px are enlarged three times without smoothing. Titles state the range of the
    colours. Raises `InputError` for a box outside the image.
    """
    height, width = np.asarray(image_HWC).shape[:2]
    scale = 3 if max(height, width) <= 256 else 1
    tiles = [
        ("Input", picture_array(image_HWC)),
        ("Reconstruction", picture_array(reconstruction_HWC)),
        (f"Difference (0 to {HEAT_TOP:g})", heat(difference_HW)),
        ("Candidates", candidate_overlay(image_HWC, boxes_Q4, scores_Q)),
    ]
    enlarged = [(title, _enlarged(picture, scale)) for title, picture in tiles]
    if suspicion is None:
        return _encoded(_sheet(enlarged, len(enlarged), [verdict]))
    check_boxes(np.asarray(suspicion.boxes_R4).reshape(-1, 4), height, width)
    look = _region_picture(enlarged[0][1], suspicion, scale)
    shown = suspicion.scale
    above_HW = np.asarray(suspicion.heat_HW, np.float64) - shown.low
    hot = _enlarged(heat_overlay(image_HWC, above_HW, shown.top - shown.low), scale)
    title = "Candidates" if shown == DIFFERENCES else "Candidates of the difference"
    first = [("Look here first", look), (shown.title, hot), (title, enlarged[-1][1])]
    lines = [verdict, *_region_lines(suspicion)]
    return _encoded(_sheet([*first, *enlarged[:-1]], len(first), lines))


def heat_overlay(
    image_HWC: UInt8Array, heat_HW: AnyFloatArray, top: float = HEAT_TOP
) -> UInt8Array:
    """Lay heat over the image in grey: uint8 RGB `[H, W, 3]`; the hotter, the less of the image is seen.

    The colours are those of `heat`, with its fixed range; a value that is not a number is as hot as `top`.
    """
    colours_HWC = heat(heat_HW, top).astype(np.float64)
    shares_HW = np.clip(np.nan_to_num(np.asarray(heat_HW, np.float64) / top, nan=1.0), 0.0, 1.0)
    grey_HW1 = _grey(image_HWC).astype(np.float64)[:, :, None]
    alpha_HW1 = 0.25 + 0.6 * np.sqrt(shares_HW)[:, :, None]
    return _rounded(grey_HW1 * (1.0 - alpha_HW1) + colours_HWC * alpha_HW1)


def _enlarged(picture: UInt8Array, scale: int) -> Image.Image:
    image = Image.fromarray(picture).convert("RGB")
    size = (image.width * scale, image.height * scale)
    return image.resize(size, Image.Resampling.NEAREST)


def _sheet(
    tiles: Sequence[tuple[str, Image.Image]], columns: int, lines: Sequence[str]
) -> Image.Image:
    """Tiles of one size under their titles, row by row, and lines of text beneath.

    Letters grow with the tiles: large sheets are shown smaller than they are.
    """
    width, height = tiles[0][1].size
    letter_px = max(13, width // 40)
    title_px, line_px = 2 * letter_px, round(1.5 * letter_px)
    font = ImageFont.load_default(letter_px)
    row_px, column_px = height + title_px, width + _TILE_GAP_PX
    foot_px = -(-len(tiles) // columns) * row_px + letter_px // 2
    size = (columns * column_px + _TILE_GAP_PX, foot_px + (len(lines) + 1) * line_px)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for index, (title, picture) in enumerate(tiles):
        row, column = divmod(index, columns)
        left, top = _TILE_GAP_PX + column * column_px, row * row_px
        pen.text((left, top + letter_px // 2), title, fill="#26323d", font=font)
        sheet.paste(picture, (left, top + title_px))
    for index, line in enumerate(lines):
        place = (_TILE_GAP_PX, foot_px + index * line_px)
        pen.text(place, line, fill=_HALO_COLOUR, font=font)
    return sheet


def _region_lines(suspicion: Suspicion) -> list[str]:
    """What each region shown is: number, score, size and place."""
    lines = []
    for number, (box_4, score) in enumerate(
        zip(suspicion.boxes_R4, suspicion.scores_R, strict=True), start=1
    ):
        top, left, bottom, right = (int(edge) for edge in box_4)
        size = f"{right - left} x {bottom - top} px at row {top}, column {left}"
        lines.append(f"{number}   {suspicion.scale.word} {float(score):.3g}   {size}")
    hidden = len(lines) - REGIONS_SHOWN
    return lines[:REGIONS_SHOWN] + ([f"and {hidden} milder ones"] if hidden > 0 else [])


def _region_picture(picture: Image.Image, suspicion: Suspicion, scale: int) -> Image.Image:
    """Draw the worst regions on the input, each outlined outside its border and numbered beside it."""
    drawn = picture.copy()
    pen = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(max(14, max(drawn.size) // 45))
    shown = np.asarray(suspicion.boxes_R4, np.int64).reshape(-1, 4)[:REGIONS_SHOWN] * scale
    outlines = [_around(box_4, drawn.size) for box_4 in shown]
    for outline in outlines:
        pen.rectangle(outline, outline=_HALO_COLOUR, width=5)
        left, top, right, bottom = outline
        pen.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=_BOX_COLOUR, width=3)
    taken: list[_Rectangle] = []
    for number, outline in enumerate(outlines, start=1):
        text = f"{number}: {float(suspicion.scores_R[number - 1]):.3g}"
        _, _, wide, high = pen.textbbox((0, 0), text, font=font)
        place = _beside(outline, (int(wide) + 8, int(high) + 6), drawn.size, [*outlines, *taken])
        taken.append(place)
        pen.rectangle(place, fill=_BOX_COLOUR)
        pen.text((place[0] + 4, place[1] + 1), text, fill=_HALO_COLOUR, font=font)
    return drawn


def _around(box_4: NDArray[np.int64], size: tuple[int, int]) -> _Rectangle:
    """Outline (left, top, right, bottom) five px outside a box, within the picture."""
    top, left, bottom, right = (int(edge) for edge in box_4)
    width, height = size
    return max(left - 5, 0), max(top - 5, 0), min(right + 4, width - 1), min(bottom + 4, height - 1)


def _beside(
    outline: _Rectangle, tag: tuple[int, int], size: tuple[int, int], taken: Sequence[_Rectangle]
) -> _Rectangle:
    """Where a tag of (width, height) fits beside an outline: above, below, left or right, on nothing.

    Where all four are taken it lies above, or below at the upper border.
    """
    left, top, right, bottom = outline
    wide, high = tag
    corners = [(left, top - high), (left, bottom + 1), (left - wide, top), (right + 1, top)]
    places = [(x, y, x + wide - 1, y + high - 1) for x, y in corners]
    within = [
        one for one in places if one[0] >= 0 <= one[1] and one[2] < size[0] and one[3] < size[1]
    ]
    free = [one for one in within if not any(_meet(one, other) for other in taken)]
    return (free or within or places[1:])[0]


def _meet(one: _Rectangle, other: _Rectangle) -> bool:
    apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    return not apart


def _rounded(canvas_HWC: NDArray[np.float64]) -> UInt8Array:
    picture: UInt8Array = np.rint(canvas_HWC).astype(np.uint8)
    return picture


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def picture_array(array: NDArray[Any]) -> UInt8Array:
    """Contiguous uint8 `[H, W]` or `[H, W, 3]`, as Pillow reads it."""
    picture = np.asarray(array)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    if picture.dtype != np.uint8 or not (picture.ndim == 2 or picture.shape[2:] == (3,)):
        raise InputError(
            f"A picture of type {picture.dtype} and shape {picture.shape} cannot be shown.",
            "Give uint8 with one or three channels.",
        )
    return np.ascontiguousarray(picture)


def _grey(image_HWC: UInt8Array) -> UInt8Array:
    picture = picture_array(image_HWC)
    return picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))


def check_boxes(boxes_Q4: NDArray[np.int64], height: int, width: int) -> None:
    """Raise `InputError` for a box outside the image or without a pixel."""
    top, left, bottom, right = boxes_Q4.T
    inside = (top >= 0) & (left >= 0) & (bottom <= height) & (right <= width)
    if not (inside & (top < bottom) & (left < right)).all():
        raise InputError(
            f"A candidate lies outside an image of {height} x {width} px or is empty.",
            "Give boxes as (top, left, bottom, right) with bottom and right exclusive.",
        )


def _weights(scores_Q: AnyFloatArray | None, n: int) -> NDArray[np.float64]:
    """Weights in (0, 1], the highest score at 1; a score without a number weighs most."""
    if scores_Q is None or len(scores_Q) == 0:
        return np.ones(n)
    if len(scores_Q) != n:
        raise InputError(f"{n} boxes came with {len(scores_Q)} scores.", "Give one score per box.")
    scores_Q = np.asarray(scores_Q, dtype=np.float64)
    finite = np.isfinite(scores_Q)
    top = float(np.abs(scores_Q[finite]).max(initial=0.0))
    shares_Q = np.where(finite, scores_Q, top) / top if top > 0.0 else np.ones(n)
    return np.clip(shares_Q, 0.01, 1.0)


def _coverage(
    boxes_Q4: NDArray[np.int64], weights_Q: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Sum over boxes of weight at every pixel, by two cumulative sums of corner marks."""
    marks = np.zeros((height + 1, width + 1))
    top, left, bottom, right = boxes_Q4.T
    np.add.at(marks, (top, left), weights_Q)
    np.add.at(marks, (top, right), -weights_Q)
    np.add.at(marks, (bottom, left), -weights_Q)
    np.add.at(marks, (bottom, right), weights_Q)
    cover = marks.cumsum(axis=0).cumsum(axis=1)[:height, :width]
    return np.where(cover > 1e-9, cover, 0.0)  # cumulative sums leave rounding dust


def _apart(boxes_Q4: NDArray[np.int64], weights_Q: NDArray[np.float64], most: int) -> list[int]:
    """Choose the heaviest boxes that overlap no heavier chosen one by a third of the smaller.

    Candidates come in heaps around one pixel; outlines of a whole heap would hide what is in it.
    """
    chosen: list[int] = []
    area_Q = (boxes_Q4[:, 2:] - boxes_Q4[:, :2]).prod(axis=1)
    for index in np.argsort(-weights_Q, kind="stable"):
        if len(chosen) == most:
            break
        others_K4 = boxes_Q4[chosen]
        corner_low = np.maximum(others_K4[:, :2], boxes_Q4[index, :2])
        corner_high = np.minimum(others_K4[:, 2:], boxes_Q4[index, 2:])
        shared_K = np.clip(corner_high - corner_low, 0, None).prod(axis=1)
        if (shared_K * 3 < np.minimum(area_Q[chosen], area_Q[index])).all():
            chosen.append(int(index))
    return chosen


def _outline(canvas_HWC: NDArray[np.float64], box_4: NDArray[np.int64]) -> None:
    """Draw just outside the box, clipped at the border: a box of 4 px still shows its inside.

    Large pictures are shown smaller than they are, so their outlines are two pixels wide.
    """
    height, width = canvas_HWC.shape[:2]
    for distance in range(1, 3 if max(height, width) > _FINE_OUTLINE_PX else 2):
        top, left = max(int(box_4[0]) - distance, 0), max(int(box_4[1]) - distance, 0)
        bottom, right = min(int(box_4[2]) + distance, height), min(int(box_4[3]) + distance, width)
        canvas_HWC[[top, bottom - 1], left:right] = _BOX_COLOUR
        canvas_HWC[top:bottom, [left, right - 1]] = _BOX_COLOUR
