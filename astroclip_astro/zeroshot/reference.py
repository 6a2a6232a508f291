"""Reference sets: galaxies with embeddings and known properties."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.errors import WeightsError
from astroclip_astro.zeroshot.held_out import LeaveOneOut, digest

__all__ = ["Reference"]

LABELS = ("redshift", "log_stellar_mass")
COVARIATE_COLUMNS = {"image": "aperture_flux_r", "spectrum": "snr"}  # modality -> column


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Galaxies with embeddings and known properties.

    Parameters
    ----------
    name : str
        Short name, such as ``"compact"``.
    image, spectrum : ndarray
        float32 (m, 128) unit vectors; a row is all NaN where the galaxy lacks the modality.
    labels : dict of str to ndarray
        float64 (m,) each: ``redshift``, ``log_stellar_mass`` (log10 of solar masses), and labels
        of the user's own; those are NaN where a galaxy has none.
    simulated : bool or None
        Whether the galaxies are simulated; None where the file does not say.
    weights_sha256 : str or None
        sha256 of the weights file the embeddings were made with; None where unknown.
    description : str
        One sentence: which galaxies, labels from where.
    units, descriptions : dict of str to str
        Of the user's own labels, as far as they have any.
    covariates : dict of str to ndarray
        float64 (m,), how bright the ``image`` is (r flux within 3 arcsec, nanomaggies) and the
        ``spectrum`` (median signal-to-noise), as far as known; NaN where a galaxy has none. With
        them, errors are those of galaxies as bright.
    sha256 : str or None
        sha256 of the file it was read from; None for one that was not read from a file.
    leave_one_out : LeaveOneOut or None
        Predictions for its own galaxies, as far as its file holds them.
    """

    name: str
    image: np.ndarray
    spectrum: np.ndarray
    labels: dict[str, np.ndarray]
    simulated: bool | None
    weights_sha256: str | None = None
    description: str = ""
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    covariates: dict[str, np.ndarray] = field(default_factory=dict)
    sha256: str | None = None
    leave_one_out: LeaveOneOut | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.image)

    @cached_property
    def has(self) -> dict[str, np.ndarray]:
        """For each modality, whether a galaxy has its embedding, bool (m,)."""
        return {one: np.isfinite(getattr(self, one)).all(axis=1) for one in MODALITIES}

    @cached_property
    def valid_leave_one_out(self) -> LeaveOneOut | None:
        """The leave-one-out predictions, None where they are not of these very galaxies."""
        stored = self.leave_one_out
        return stored if stored is not None and stored.digest == self.digest else None

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that leave-one-out predictions depend on, 64 digits."""
        return digest({one: getattr(self, one) for one in MODALITIES}, self.labels)

    @property
    def user_labels(self) -> tuple[str, ...]:
        """Names of the labels besides redshift and mass."""
        return tuple(name for name in self.labels if name not in LABELS)

    @property
    def title(self) -> str:
        """What texts call it, such as ``"simulated reference compact"``."""
        if self.simulated is None:
            return f"reference {self.name} (not stated whether simulated)"
        return f"{'simulated ' if self.simulated else ''}reference {self.name}"


def check_weights(reference: Reference, sha256: str) -> None:
    """Refuse a reference whose embeddings were made with other weights than those in use.

    Parameters
    ----------
    reference : Reference
        The reference; one that does not name its weights passes.
    sha256 : str
        sha256 of the weights in use.

    Raises
    ------
    WeightsError
        Where the two differ.

    Examples
    --------
    >>> one = np.ones((1, 128)) / 128**0.5
    >>> reference = Reference(name="mine", image=one, spectrum=one, labels={}, simulated=False)
    >>> check_weights(reference, "0" * 64)
    """
    if reference.weights_sha256 not in (None, sha256):
        raise WeightsError(
            f"Reference {reference.name} was embedded with weights of sha256 "
            f"{reference.weights_sha256:.12}..., not these of {sha256:.12}...; "
            "use weights and reference that go together."
        )
