"""A directive that describes every public name of some modules, as their ``__all__`` lists them."""

from __future__ import annotations

import importlib
import inspect

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["describe_modules"]


def describe_modules(modules: list[str]) -> str:
    """Return reStructuredText: a table of the public names of modules, then each in full.

    Parameters
    ----------
    modules : list of str
        Dotted names, each with an ``__all__``.

    Returns
    -------
    str
        With directives of ``sphinx.ext.autosummary`` and ``sphinx.ext.autodoc``.

    Examples
    --------
    >>> print(describe_modules(["astroclip_astro.search.index"]))
    .. autosummary::
       :nosignatures:
    <BLANKLINE>
       astroclip_astro.search.index.make_index
    <BLANKLINE>
    .. autofunction:: astroclip_astro.search.index.make_index
    """
    names = [
        f"{module}.{name}"
        for module in modules
        for name in importlib.import_module(module).__all__
        if name != "__version__"
    ]
    lines = [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in names), ""]
    for name in names:
        module, _, short = name.rpartition(".")
        thing = getattr(importlib.import_module(module), short)
        if not inspect.isclass(thing):
            kind = "function" if callable(thing) else "data"
            lines += [f".. auto{kind}:: {name}", ""]
        elif issubclass(thing, Exception):
            lines += [f".. autoexception:: {name}", "   :show-inheritance:", ""]
        else:
            lines += [
                f".. autoclass:: {name}",
                "   :members:",
                "   :inherited-members: dict, int",
                "",
            ]
    return "\n".join(lines).rstrip()


class PublicNames(SphinxDirective):
    """``{public-names}``: the public names of the modules that its lines name."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the descriptions."""
        for module in self.content:
            self.env.note_dependency(importlib.import_module(module).__file__)
        text = describe_modules(list(self.content))
        return self.parse_text_to_nodes(f"```{{eval-rst}}\n{text}\n```\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
