"""A loopback server that speaks the archives' protocols over a SIMULATED sky.

For tests, for the demo, and for trying out clients: no byte of it was ever observed.
"""

from astroclip_astro.standin.server import Standin as Standin, serve
from astroclip_astro.standin.sky import (
    demo_sky as demo_sky,
    painted_number as painted_number,
    painted_number_of_flux as painted_number_of_flux,
    painted_sky as painted_sky,
)

__all__ = ["serve"]
