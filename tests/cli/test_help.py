"""The help and the messages of all commands, as a new user reads them."""

import importlib
import os
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from astroclip_astro.cli.annotate import annotate
from astroclip_astro.columns import COLUMNS, GROUPS, MODALITIES

COMMANDS = ("annotate", "dataset", "evaluate", "reference", "search", "simulate", "train")
OBSCURE = re.compile(
    r"\b(strangers?|left out|leave out|told|tells?|0 is nothing|ask(ed)? by|as far as|goes on"
    r"|for no row|speaks as|what there is|rows are kept)\b",
    re.IGNORECASE,
)


def every_command():
    """Yield the words that call each command and subcommand, and the command."""
    for name in COMMANDS:
        module = importlib.import_module(f"astroclip_astro.cli.{name}")
        command = getattr(module, name)
        yield f"astroclip-{name}", command
        for sub, below in getattr(command, "commands", {}).items():
            yield f"astroclip-{name} {sub}", below


EVERY = dict(every_command())


def help_of(command):
    """The help on one line."""
    return " ".join(CliRunner().invoke(command, ["--help"]).output.split())


@pytest.mark.parametrize("name", EVERY)
def test_help_is_in_plain_words(name):
    assert OBSCURE.findall(help_of(EVERY[name])) == []


@pytest.mark.parametrize("name", EVERY)
def test_every_option_is_explained_in_a_sentence(name):
    for param in EVERY[name].params:
        if isinstance(param, click.Option) and param.name not in ("help", "version"):
            words = re.sub(r"\s*\[default: .*\]$", "", param.help or "")
            assert re.match(r"[A-Z]", words), param.opts
            assert words.endswith((".", "...")), param.opts


def test_modalities_and_columns_are_listed():
    by_name = {param.name: param.help for param in annotate.params if hasattr(param, "help")}
    assert all(word in by_name["modality"] for word in MODALITIES)
    assert all(word in by_name["columns"] for word in GROUPS)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_descriptions_of_columns_are_in_plain_words(column):
    assert OBSCURE.findall(column.description) == []


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("--sorce", "demo"), "--source"),
        (("--modality", "imag"), "did you mean 'image'"),
        (("--columns", "redshifts"), "did you mean 'redshift'"),
        (("--weights", "compct"), "did you mean 'compact'"),
        (("--reference", "compct"), "did you mean 'compact'"),
        (("--release", "DR11"), "did you mean 'DESI-DR1'"),
        (("--source", "Demo"), "did you mean 'demo'"),
        (("--ra", "r", "--dec", "deec"), "'dec'"),
        (("--calibrate", "redshift=rmagg"), "'rmag'"),
        (("--calibrate", "redshif=rmag"), "did you mean 'redshift'"),
    ],
)
def test_nearest_valid_word_is_suggested(run, tmp_path, arguments, nearest):
    from astroclip_astro.resources import folder

    source = () if "--source" in arguments else ("--source", "demo")
    options = ("-o", tmp_path / "out.fits", "-q", "--device", "cpu")
    result = run(folder("catalogs") / "demo.fits", *source, *arguments, *options)
    assert result.status == 2
    assert nearest in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("name", COMMANDS)
def test_shell_completion_prints_a_script(shell, name):
    variable = f"_ASTROCLIP_{name.upper()}_COMPLETE"
    code = f"import sys; sys.argv[0] = 'astroclip-{name}'\n"
    code += f"from astroclip_astro.cli.{name} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {variable: f"{shell}_source"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert variable in done.stdout
    assert f"astroclip-{name}" in done.stdout


def test_shell_completion_completes_options_and_values(monkeypatch):
    code = "import sys; sys.argv[0] = 'astroclip-annotate'\n"
    code += "from astroclip_astro.cli.annotate import main; main()"
    words = {"COMP_WORDS": "astroclip-annotate --device cu", "COMP_CWORD": "2"}
    environment = os.environ | words | {"_ASTROCLIP_ANNOTATE_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "plain,cuda\n"
