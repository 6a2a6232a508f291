"""Values of options: what is understood, and what is said of what is not."""

import click
import pytest
from click.testing import CliRunner

from astroclip_astro.cli.option_types import DEVICE_TYPE, RenamedOption
from astroclip_astro.cli.options import compute_options


@click.command()
@compute_options
def command(device, precision):
    click.echo(device)


@pytest.mark.parametrize(
    ("given", "understood"),
    [("auto", "auto"), ("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda:1"), ("CUDA:0", "cuda:0"),
     ("mps", "mps")],
)  # fmt: skip
def test_device_is_understood(given, understood):
    assert CliRunner().invoke(command, ["--device", given]).output == f"{understood}\n"


@pytest.mark.parametrize("given", ["tpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "", "1"])
def test_other_device_is_refused_with_those_that_there_are(given):
    result = CliRunner().invoke(command, ["--device", given])
    assert result.exit_code == 2
    assert "expected auto, cpu, cuda, cuda:N" in result.output


def test_help_shows_the_devices():
    assert "--device auto|cpu|cuda|cuda:N|mps" in CliRunner().invoke(command, ["--help"]).output


def test_devices_are_completed():
    found = DEVICE_TYPE.shell_complete(None, None, "c")
    assert [item.value for item in found] == ["cpu", "cuda"]


@click.command()
@click.option("--new", cls=RenamedOption, former="--old", type=int, default=3, show_default=True)
def renamed(new):
    click.echo(new)


@pytest.mark.parametrize("name", ["--new", "--old"])
def test_former_name_of_an_option_is_understood(name):
    assert CliRunner().invoke(renamed, [name, "7"]).output == "7\n"


def test_former_name_of_an_option_is_not_completed():
    completed = renamed.shell_complete(click.Context(renamed), "--")
    assert [item.value for item in completed] == ["--new", "--help"]


def test_former_name_of_an_option_is_not_in_the_help():
    text = CliRunner().invoke(renamed, ["--help"]).output
    assert "--new INTEGER" in text
    assert "--old" not in text
