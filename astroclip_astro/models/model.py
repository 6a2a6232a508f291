"""The model as the rest of the package and its users see it: numpy arrays in and out."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable

import numpy as np
from torch import Tensor

from astroclip_astro.config import DEVICE, PRECISION, WEIGHTS
from astroclip_astro.errors import InputError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.attention_maps import attention_weights, token_spans
from astroclip_astro.models.card import Card
from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.embed import EmbedOptions, choose_device, choose_precision, embed
from astroclip_astro.models.masking import check_reconstructs, reconstruct_spectra
from astroclip_astro.prepare.images import centre_crop, clean_images, stretch
from astroclip_astro.prepare.spectra import clean_spectra, has_data
from astroclip_astro.signatures.method_calls import checked

__all__ = ["Model"]

BATCH_SIZE = 32


class Model:
    """Loaded weights, ready to embed.

    Parameters
    ----------
    network : AstroCLIP
        Both encoders, in evaluation mode.
    card : dict
        What the weights are: recipe, checksum, training data, scores; see
        `astroclip_astro.models.card.Card`.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}
        Where to compute unless a call says otherwise.
    precision : {"auto", "float32", "bfloat16"}
        Number format inside the network unless a call says otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro import load_model
    >>> model = load_model("compact", device="cpu")
    >>> model.embed_spectra(np.zeros((1, 7781))).shape
    (1, 128)
    """

    def __init__(
        self, network: AstroCLIP, card: dict, *, device: str = DEVICE, precision: str = PRECISION
    ) -> None:
        self.network = network
        self.card = Card(card)
        self.device = choose_device(device)
        self.precision = precision
        choose_precision(precision, self.device)

    def __repr__(self) -> str:
        return f"<Model {self.card['name']!r} on {self.device}>"

    @property
    def config(self) -> Configuration:
        """Sizes and recipe of the weights."""
        return self.network.config

    @checked
    def embed_images(
        self,
        images: np.ndarray,
        *,
        batch_size: int = BATCH_SIZE,
        device: str | None = None,
        precision: str | None = None,
        backbone_features: bool = False,
        count: Callable[[int, int], object] | None = None,
    ) -> np.ndarray:
        """Embed grz images.

        Parameters
        ----------
        images : ndarray
            (n, 3, h, w), g, r, z in nanomaggies a pixel of 0.262 arcsec, north up; h and w at
            least `config.image_size`, cropped around the centre to that. Pixels that are masked
            or not finite count as 0, which is what the archives give where there are no data.
        batch_size : int
            Images computed at once; more is faster on a GPU and needs more memory.
        device, precision : str, optional
            For this call; by default the model's.
        backbone_features : bool
            Return what goes into the projection, which is what Stein et al. 2021 use, in place of
            the embedding: (n, 2048) at full size, of any length.
        count : callable, optional
            Called after each batch with how many are done, and how many there are.

        Returns
        -------
        ndarray
            float32 (n, 128), unit vectors; NaN where an image holds nothing.

        Raises
        ------
        InputError
            For another shape, a smaller image, or a device that is not there.
        """
        images = centre_crop(images, self.config.image_size)

        def prepared(rows: np.ndarray) -> np.ndarray:
            return stretch(clean_images(images[rows]), self.config.image_stretch)

        something = np.array([clean_images(image).any() for image in images], bool)
        encoder, width = self.network.embed_images, self.config.embedding_width
        if backbone_features:
            encoder = self.network.image_encoder.backbone
            width = self.network.image_encoder.backbone_width
        options = EmbedOptions(batch_size, device, precision, count)
        return self._embed(encoder, prepared, something, width, options)

    @checked
    def embed_spectra(
        self,
        flux: np.ndarray,
        ivar: np.ndarray | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        device: str | None = None,
        precision: str | None = None,
        backbone_features: bool = False,
        count: Callable[[int, int], object] | None = None,
    ) -> np.ndarray:
        """Embed DESI spectra.

        Parameters
        ----------
        flux : ndarray
            (n, 7781), 1e-17 erg/s/cm2/Angstrom on 3600-9824 Angstrom in steps of 0.8.
        ivar : ndarray, optional
            (n, 7781), inverse variance; samples where it is 0 count as having no data.
        batch_size : int
            Spectra computed at once.
        device, precision : str, optional
            For this call; by default the model's.
        backbone_features : bool
            Return the mean of a spectrum's tokens, which are what goes into the cross-attention
            head, in place of the embedding: (n, 768) at full size, of any length.
        count : callable, optional
            Called after each batch with how many are done, and how many there are.

        Returns
        -------
        ndarray
            float32 (n, 128), unit vectors; NaN where a spectrum holds nothing.

        Raises
        ------
        InputError
            For another shape, or a device that is not there.
        """
        flux = clean_spectra(flux, ivar)
        encoder, width = self.network.embed_spectra, self.config.embedding_width
        if backbone_features:
            encoder, width = self.network.spectrum_encoder.backbone, self.config.spectrum_width
        options = EmbedOptions(batch_size, device, precision, count)
        return self._embed(encoder, lambda rows: flux[rows], has_data(flux), width, options)

    @checked
    def attention(
        self,
        flux: np.ndarray,
        ivar: np.ndarray | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        device: str | None = None,
        precision: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how much each head of the cross-attention looks at each part of spectra.

        Parameters
        ----------
        flux, ivar, batch_size, device, precision
            As `embed_spectra` has them.

        Returns
        -------
        weights : ndarray
            float32 (n, heads, tokens), those of a head sum to 1; NaN where a spectrum holds
            nothing.
        spans : ndarray
            float64 (tokens, 2), first and last wavelength of each token, Angstrom in vacuum,
            observed frame; windows overlap. The first token holds mean and deviation: NaN.

        Raises
        ------
        InputError
            For another shape, or a device that is not there.

        Notes
        -----
        Parker et al. 2024 (arXiv:2310.03024, figure 7).

        Examples
        --------
        >>> import numpy as np
        >>> from astroclip_astro import load_model
        >>> model = load_model("compact", device="cpu")
        >>> weights, spans = model.attention(np.sin(np.arange(7781) / 99)[None])
        >>> weights.shape, spans.shape
        ((1, 4, 194), (194, 2))
        """
        flux = clean_spectra(flux, ivar)
        heads, tokens = self.config.head_heads, self.config.tokens

        def encoder(values: Tensor) -> Tensor:
            return attention_weights(self.network, values).flatten(1)  # (batch, heads * tokens)

        something, width = has_data(flux), heads * tokens
        options = EmbedOptions(batch_size, device, precision)
        weights = self._embed(encoder, lambda rows: flux[rows], something, width, options)
        return weights.reshape(-1, heads, tokens), token_spans(self.config)

    @checked
    def reconstruct(
        self,
        flux: np.ndarray,
        ivar: np.ndarray | None = None,
        *,
        masked: np.ndarray,
        batch_size: int = BATCH_SIZE,
        device: str | None = None,
        precision: str | None = None,
    ) -> np.ndarray:
        """Reconstruct spectra of which some tokens are hidden, as pretraining taught it.

        Parameters
        ----------
        flux, ivar, batch_size, device, precision
            As `embed_spectra` has them.
        masked : ndarray
            bool (tokens,), True where hidden, in all spectra. `attention` says where tokens are.

        Returns
        -------
        ndarray
            float32 (n, 7781), 1e-17 erg/s/cm2/Angstrom, the mean of overlapping windows; NaN at
            the red end, where there is no token, and where a spectrum holds nothing. Mean and
            deviation are those of the whole spectrum, hidden parts included.

        Raises
        ------
        WeightsError
            For weights whose transformer alignment has changed, or that never learnt to fill.
        InputError
            For another shape, or where all is hidden.
        """
        how = check_reconstructs(self.card)
        flux, masked, tokens = clean_spectra(flux, ivar), np.asarray(masked), self.config.tokens
        if masked.dtype != bool or masked.shape != (tokens,) or masked.all():
            raise InputError(
                f"masked is {masked.dtype} {masked.shape}, expected bool ({tokens},), one a token, "
                "and not all of them True."
            )

        def encoder(values: Tensor) -> Tensor:
            return reconstruct_spectra(self.network.spectrum_encoder, values, masked, how=how)

        something, width = has_data(flux), self.config.spectrum_samples
        options = EmbedOptions(batch_size, device, precision)
        return self._embed(encoder, lambda rows: flux[rows], something, width, options)

    def _embed(
        self,
        encoder: Callable[[Tensor], Tensor],
        prepared: Callable[[np.ndarray], np.ndarray],
        something: np.ndarray,
        width: int,
        options: EmbedOptions,
    ) -> np.ndarray:
        """Embed the rows that hold something; NaN for the others."""
        if not isinstance(options.batch_size, numbers.Integral) or options.batch_size < 1:
            raise InputError(
                f"batch_size is {options.batch_size!r}, expected a whole number of at least 1."
            )
        place = self.device if options.device is None else choose_device(options.device)
        precision = self.precision if options.precision is None else options.precision
        dtype = choose_precision(precision, place)
        result = np.full((len(something), width), np.nan, np.float32)
        rows = np.flatnonzero(something)
        if len(rows):
            self.network.to(place)
            result[rows] = embed(
                encoder,
                prepared,
                rows,
                batch_size=options.batch_size,
                device=place,
                dtype=dtype,
                count=options.count,
            )
        return result


def load_model(
    name: str | os.PathLike = WEIGHTS, *, device: str = DEVICE, precision: str = PRECISION
) -> Model:
    """Load bundled or self-trained weights.

    Parameters
    ----------
    name : str or path
        Name of bundled weights, or a ``.safetensors`` file with its ``.json`` card beside it, or
        the folder of a finished training run.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}
        Where to compute; ``auto`` prefers a GPU.
    precision : {"auto", "float32", "bfloat16"}
        Number format inside the network; ``auto`` is bfloat16 on GPUs that have it, else float32.

    Returns
    -------
    Model
        With `Model.embed_images`, `Model.embed_spectra` and `Model.card`.

    Raises
    ------
    WeightsError
        For weights that are unknown, damaged or of the wrong shape.
    InputError
        For a device that is not there.

    Examples
    --------
    >>> from astroclip_astro import load_model
    >>> load_model("compact", device="cpu").card["name"]
    'compact'
    """
    network, card = load_weights(name)
    return Model(network, card, device=device, precision=precision)
