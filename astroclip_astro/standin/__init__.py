"""A loopback server that speaks the archives' protocols over a SIMULATED sky.

For tests, for the demo, and for trying out clients: no byte of it was ever observed.
"""

from astroclip_astro.standin.server import Standin, serve
from astroclip_astro.standin.sky import (
    demo_sky,
    painted_number,
    painted_number_of_flux,
    painted_sky,
)

__all__ = [
    "Standin",
    "demo_sky",
    "painted_number",
    "painted_number_of_flux",
    "painted_sky",
    "serve",
]
