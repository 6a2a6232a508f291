"""Where the rows of a table are: RA/Dec, SkyCoord and TARGETID columns in, Targets out."""

from astroclip_astro.sky.targets import (
    describe_positions as describe_positions,
    find_targets as find_targets,
)
