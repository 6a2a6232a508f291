"""Residual network for grz images, with the projection that MoCo v2 puts on top."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from astroclip_astro.models.configuration import Configuration

VECTOR = 8
"""Channels that oneDNN writes at once on a processor with AVX2, float32."""


def convolution(channels_in: int, channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps the image size (up to the stride)."""
    return nn.Conv2d(channels_in, channels, size, stride, padding=size // 2, bias=False)


class SampledConvolution(nn.Conv2d):
    """Strided 1 x 1 convolution that takes every stride-th pixel first, then has stride 1.

    Values and parameters are those of ``nn.Conv2d(..., 1, stride)``. Where a processor has AVX2 but
    no AVX-512, the backward pass of oneDNN's own kernel for that layer (2 to 7 input channels,
    float32, channels-last memory, an even image size) writes beyond the end of its memory, seen
    with PyTorch 2.13.0 and 2.14.1; this layer never runs it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels in, h, w) to (batch, channels, h / stride, w / stride)."""
        rows, columns = self.stride
        return functional.conv2d(x[..., ::rows, ::columns], self.weight, self.bias)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (ResNet-18 and 34)."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels in, h, w) to (batch, channels, h / stride, w / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """Narrow 3 x 3 convolution between two of 1 x 1 (ResNet-50); the stride is on the 3 x 3."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = convolution(channels, 4 * channels, 1)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(channels_in, 4 * channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels in, h, w) to (batch, 4 channels, h / stride, w / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.downsample(x))


def shortcut(channels_in: int, channels: int, stride: int) -> nn.Module:
    """Return the identity where shapes agree, else a strided 1 x 1 convolution."""
    if stride == 1 and channels_in == channels:
        return nn.Identity()
    kind = SampledConvolution if stride > 1 and channels_in < VECTOR else nn.Conv2d
    layer = kind(channels_in, channels, 1, stride, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(channels))


class ImageEncoder(nn.Module):
    """Residual network and projection; at full size ResNet-50 with 27,966,656 parameters.

    Parameters
    ----------
    config : Configuration
        Sizes. Parameters carry torchvision's names, with MoCo v2's two-layer ``fc`` on top.

    Notes
    -----
    He et al. 2016 (arXiv:1512.03385, table 1); Chen et al. 2020 (arXiv:2003.04297) for the
    projection. `backbone` is what Stein et al. 2021 (arXiv:2110.00023) use as representation; it is
    ``backbone_width`` wide.
    """

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        blocks: dict[str, type[BasicBlock | Bottleneck]] = {
            "bottleneck": Bottleneck,
            "basic": BasicBlock,
        }
        block = blocks[config.image_block]
        width = channels_in = config.image_width
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        stages = []
        for stage, depth in enumerate(config.image_blocks):
            channels, layers = width * 2**stage, []
            for index in range(depth):
                stride = 2 if stage and not index else 1
                layers.append(block(channels_in, channels, stride))
                channels_in = channels * block.expansion
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.backbone_width = channels_in
        self.fc = nn.Sequential(
            nn.Linear(channels_in, channels_in),
            nn.ReLU(),
            nn.Linear(channels_in, config.embedding_width),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def backbone(self, images: Tensor) -> Tensor:
        """Return the representation before the projection, (batch, 2048) at full size."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)  # (batch, channels, 1, 1) -> (batch, channels)

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (batch, embedding width), not normalised, of (batch, 3, h, w)."""
        return self.fc(self.backbone(images))
