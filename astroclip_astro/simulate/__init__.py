"""SIMULATED galaxies, calibrated on real ones: images, spectra, redshifts and stellar masses.

How one comes about; each step is a module, and each arrow a dataclass::

    population -> Properties   redshift, mass, r, g - r, r - z: drawn from a fit to real galaxies
    spectra    -> StellarPopulation   stars and dust with these colours
    structure  -> Structure    bulge, disc and arms that go with them
    lines      -> EmissionLines
    galaxy     -> Galaxy       the galaxy as it is: its spectrum, and its shape on the pixels
    images     -> what the Legacy Surveys see of it    field, profiles, artefacts
    instrument -> what DESI sees of it                 exposures, artefacts
    survey     -> an HDF5 file of N of them
    ood_objects -> what is no galaxy of the survey     stars, quasars, distant, damage

`templates` holds what is the same for all of them, read from the packages of the ``[simulate]``
extra: stars (`stellar_grid`), a library of star formation histories (`library`), bands (`filters`),
distances, and DESI's nights and noise (`exposures`).
"""

from astroclip_astro.simulate.artefacts import RATES as RATES, Artefact as Artefact
from astroclip_astro.simulate.galaxy import (
    FIELDS as FIELDS,
    Galaxy as Galaxy,
    make_galaxy,
    simulate_galaxy,
)
from astroclip_astro.simulate.images import Conditions as Conditions, draw_conditions, observe_image
from astroclip_astro.simulate.instrument import (
    ObservedSpectrum as ObservedSpectrum,
    Visit as Visit,
    draw_visit,
    observe_spectrum,
)
from astroclip_astro.simulate.ood_objects import (
    KINDS as KINDS,
    simulate_ood_object as simulate_ood_object,
    simulate_ood_objects,
)
from astroclip_astro.simulate.population import (
    Properties,
    draw_properties as draw_properties,
    load_population as load_population,
)
from astroclip_astro.simulate.survey import simulate_survey
from astroclip_astro.simulate.templates import Templates as Templates, load_templates

__all__ = [
    "Properties",
    "draw_conditions",
    "draw_visit",
    "load_templates",
    "make_galaxy",
    "observe_image",
    "observe_spectrum",
    "simulate_galaxy",
    "simulate_ood_objects",
    "simulate_survey",
]
