"""The array vocabulary that all rooms share: names of shapes, ranges, and the difference.

Legend: N images, C channels, H height, W width, M metrics, P pixels, K boxes, Q candidates, D latent
dimensions, h/w latent height and width. A suffix names the shape: `images_NCHW`, `scores_N`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
