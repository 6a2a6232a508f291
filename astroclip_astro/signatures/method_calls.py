"""Written-out signatures for users: what they pass is checked, and handed to where the work is.

A method of ``table.astroclip`` is its signature and its words. Shift-Tab in a notebook shows both.
`handed_to` names the function that does the work, which is imported when it is called: that keeps
``import astroclip_astro`` quick. Options that several methods share are described once, in
`astroclip_astro.config`, and added to the docstrings here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from astroclip_astro.config import OPTION_DESCRIPTIONS
from astroclip_astro.errors import OptionError, described, did_you_mean

HEADING = "Parameters\n----------\n"


def checked(function: Callable | None = None, *, hint: str = "") -> Callable:
    """Make a function refuse options that it does not have, naming the nearest that it has.

    Parameters
    ----------
    function : callable
        With options written out, and documented as numpydoc has it. Without it, a decorator is
        returned.
    hint : str
        What to do where no option is near.

    Returns
    -------
    callable
        Of the same signature. It raises `OptionError` where Python raises a `TypeError`.

    Examples
    --------
    >>> @checked
    ... def annotate(*, source="archive", overwrite=False):
    ...     return source
    >>> annotate(sorce="demo")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OptionError: annotate() has no option 'sorce'; did you mean 'source'?
    """
    if function is None:
        return functools.partial(checked, hint=hint)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        bound = bind(function.__name__, signature, args, options, hint)
        return function(*bound.args, **bound.kwargs)

    call.__doc__ = completed(function.__doc__, signature)
    return call


def handed_to(target: str, **fixed: Any) -> Callable[[Callable], Callable]:
    """Return a decorator that checks what is passed and hands it to another function.

    Parameters
    ----------
    target : str
        ``module.function`` of this package. Options go there under their names; where the decorated
        function is a method, the table goes first.
    **fixed
        Options that are passed besides.

    Returns
    -------
    callable
        The decorator. The function that it gets is a signature and a docstring.

    Examples
    --------
    >>> @handed_to("models.model.load_model")
    ... def load_model(name="compact", *, device="auto", precision="auto"):
    ...     '''Load weights.'''
    >>> load_model(divice="cpu")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OptionError: load_model() has no option 'divice'; did you mean 'device'?
    """
    module, _, name = target.rpartition(".")

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            arguments = bind(function.__name__, signature, args, options).arguments
            work = getattr(importlib.import_module(f"astroclip_astro.{module}"), name)
            if "self" not in arguments:
                return work(**arguments, **fixed)
            return work(arguments.pop("self")._table, **arguments, **fixed)

        call.__doc__ = completed(function.__doc__, signature)
        vars(call).update(target=target, fixed=fixed)
        return call

    return decorate


def bind(
    name: str,
    signature: inspect.Signature,
    args: tuple,
    options: dict[str, Any],
    hint: str = "",
) -> inspect.BoundArguments:
    """Return arguments by name, with defaults; raises `OptionError` for what does not fit.

    Parameters
    ----------
    name : str
        Of the function, for messages.
    signature : Signature
        What it takes.
    args : tuple
        What was passed by place.
    options : dict
        What was passed by name.
    hint : str
        What to do where no option is near.

    Returns
    -------
    BoundArguments
    """
    known = [option for option in signature.parameters if option != "self"]
    for option in options:
        if option not in known:
            listed = f"; {hint or f'it has {_listing(known)}'}."
            raise OptionError(
                f"{name}() has no option {option!r}{did_you_mean(option, known) or listed}"
            )
    placed = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(placed):
        if not known:
            raise OptionError(f"{name}() takes nothing, found {described(args[len(placed)])}.")
        raise OptionError(
            f"{name}() takes options by name only, found {described(args[len(placed)])} without "
            f"one; its options are {_listing(known)}."
        )
    try:
        bound = signature.bind(*args, **options)
    except TypeError as error:
        raise OptionError(f"{name}(): {error}; it has {_listing(known)}.") from None
    bound.apply_defaults()
    for option, value in bound.arguments.items():
        switch = isinstance(signature.parameters[option].default, bool)
        if switch and type(value).__name__ not in ("bool", "bool_"):
            raise OptionError(f"{name}(): {option} is {value!r}, expected True or False.")
    return bound


def completed(docstring: str | None, signature: inspect.Signature) -> str:
    """Return a docstring with the options that it lacks, as all methods describe them.

    Parameters
    ----------
    docstring : str or None
        As numpydoc has it. Options that it describes itself are left as they are.
    signature : Signature
        What the function takes.

    Returns
    -------
    str
    """
    text = inspect.cleandoc(docstring or "")
    head, heading, tail = text.partition(f"\n{HEADING}")
    if not heading:
        head, heading, tail = text.partition("\n\nReturns\n-------\n")
        head, heading, tail = f"{head}\n", f"\n{HEADING}", f"{heading}{tail}"
    own, rest = re.split(r"(?=\n\n)", tail, maxsplit=1) if "\n\n" in tail else (tail, "")
    order = list(signature.parameters)
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", own) if own else ():
        names = [name.strip() for name in entry.partition(" :")[0].split(",")]
        entries |= dict.fromkeys(names, "") | {names[0]: entry}
    for option in [one for one in order if one in OPTION_DESCRIPTIONS and one not in entries]:
        kind, _, words = OPTION_DESCRIPTIONS[option].partition("\n")
        entries[option] = f"{option} : {kind}\n{textwrap.indent(words, '    ')}"
    if not entries:
        return text
    ordered = sorted(filter(entries.get, entries), key=order.index)
    return head + heading + "\n".join(entries[name] for name in ordered) + rest


def _listing(options: list[str]) -> str:
    """Return options as a message lists them."""
    return ", ".join(options) or "no options"
