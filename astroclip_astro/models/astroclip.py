"""AstroCLIP: an image encoder and a spectrum encoder that share one space."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.image_encoder import ImageEncoder
from astroclip_astro.models.spectrum_encoder import SpectrumHead, SpectrumTransformer


class AstroCLIP(nn.Module):
    """Both encoders; each gives unit vectors of the shared space.

    Parameters
    ----------
    config : Configuration
        Sizes of both encoders.

    Notes
    -----
    Lanusse et al. 2023, Parker et al. 2024 (arXiv:2310.03024, section 4).
    """

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config)
        self.spectrum_encoder = SpectrumTransformer(config)
        self.spectrum_head = SpectrumHead(config)

    def embed_images(self, images: Tensor) -> Tensor:
        """Embed stretched images (batch, 3, size, size) as unit vectors (batch, width)."""
        return functional.normalize(self.image_encoder(images).float(), dim=1)

    def embed_spectra(self, flux: Tensor) -> Tensor:
        """Embed spectra (batch, samples) as unit vectors (batch, width)."""
        tokens = self.spectrum_encoder.embed(self.spectrum_encoder.tokens(flux))
        return functional.normalize(self.spectrum_head(tokens)[0].float(), dim=1)

    def forward(self, images: Tensor, flux: Tensor) -> tuple[Tensor, Tensor]:
        """Embed pairs of stretched images and spectra."""
        return self.embed_images(images), self.embed_spectra(flux)
