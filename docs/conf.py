"""How Sphinx builds these pages; ``make docs`` does it."""

import sys
from pathlib import Path

from astroclip_astro.version import __version__

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for the directives beside this file

project = "astroclip-astro"
author = "the astroclip-astro developers"
project_copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "api_directive",
    "columns_directive",
    "card_directive",
    "report_directive",
]
exclude_patterns = ["_build", "simulation_numbers.md"]  # the latter is included
smartquotes = False  # --rows must stay two hyphens
myst_heading_anchors = 3

highlight_language = "none"  # a block names its language

default_role = "py:obj"
autodoc_typehints = "none"  # the types are in the docstrings, with shapes and units
numpydoc_show_class_members = False

html_theme = "alabaster"
html_theme_options = {
    "description": "AstroCLIP embeddings, zero-shot redshifts and stellar masses "
    "for Astropy tables",
    "page_width": "1200px",
    "body_max_width": "none",
    "fixed_sidebar": True,
}
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
