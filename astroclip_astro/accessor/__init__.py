"""``Table.astroclip``: the package's methods on every Astropy table."""
