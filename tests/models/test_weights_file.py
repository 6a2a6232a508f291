"""What a weights file and its card claim is compared before anything is built, without torch."""

import json
import subprocess
import sys

import pytest
from refusals import refused_quickly

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.card import locate, read_card
from astroclip_astro.models.weights_file import check_weights_file

ONE = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


@pytest.fixture(scope="module")
def card():
    return read_card(locate("compact"))


@pytest.fixture
def check(tmp_path, card):
    """Return a function that checks a file with a header, or any bytes, and the card given."""

    def check_file(content, card=card, data=b"x" * 8):
        path = tmp_path / "mine.safetensors"
        if not isinstance(content, bytes):
            header = json.dumps(content).encode()
            content = len(header).to_bytes(8, "little") + header + data
        path.write_bytes(content)
        check_weights_file(path, card)

    return check_file


def test_bundled_weights_pass(card):
    check_weights_file(locate("compact"), card)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "have 0 bytes and claim a header of 0"),
        (b"damaged", "have 7 bytes"),
        ((2**63).to_bytes(8, "little") + b"{}", "claim a header of 9223372036854775808"),
        ((1 << 21).to_bytes(8, "little") + bytes(1 << 22), "claim a header of 2097152, expected"),
        ((9).to_bytes(8, "little") + b"{}", "have 10 bytes and claim a header of 9"),
        ((2).to_bytes(8, "little") + b"[]", "is a list of 0, expected a dictionary"),
        ((2).to_bytes(8, "little") + b"{{", "is no JSON"),
        ((1 << 20).to_bytes(8, "little") + b"[" * (1 << 20), "more than 100 deep"),
        ({"a": [0, 8]}, "does not say where 'a' is"),
        ({"a": {"data_offsets": [0, True]}}, "does not say where 'a' is"),
        ({"a": {"data_offsets": [0, 10**15]}}, r"have \d+ bytes, their header claims 1000"),
        ({"a": {"data_offsets": [0, -8]}}, "their header claims"),
        (ONE | {"b": {"data_offsets": [8, 9]}}, "their header claims"),
        (ONE, "hold 1 arrays, their card speaks of 12 layers"),
    ],
)
def test_header_that_cannot_be_is_refused_quickly(check, content, words):
    with refused_quickly(words):
        check(content)


def test_card_of_many_layers_costs_nothing(check, card):
    sizes = card["configuration"] | {"image_blocks": [49, 49, 49, 49], "spectrum_layers": 200}
    with refused_quickly("hold 1 arrays, their card speaks of 396 layers"):
        check(ONE, card | {"configuration": sizes})


def test_other_file_is_refused_by_its_checksum(check, card):
    many = {f"a{number}": ONE["a"] for number in range(20)}
    with pytest.raises(WeightsError, match=r"SHA-256 .*copy both files again"):
        check(many)


@pytest.mark.parametrize("change", ["truncated", "card"])
def test_refusal_needs_no_torch_and_little_memory(tmp_path, change):
    path = tmp_path / "mine.safetensors"
    content, text = (
        locate("compact").with_suffix(s).read_bytes() for s in (".safetensors", ".json")
    )
    path.write_bytes(content[:-1] if change == "truncated" else content)
    claim = b'"spectrum_width": 160', b'"spectrum_width": 160000000000'
    path.with_suffix(".json").write_bytes(text if change == "truncated" else text.replace(*claim))
    code = (
        "import resource, sys, time\n"
        "from astroclip_astro.annotate.setup import read_reference\n"
        "from astroclip_astro.errors import WeightsError\n"
        "memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, start = memory(), time.process_time()\n"
        "try:\n"
        f"    read_reference({str(path)!r}, None, ())\n"
        "except WeightsError as error:\n"
        "    print(error)\n"
        "assert time.process_time() - start < 1, time.process_time() - start\n"
        "assert memory() - before < 100 << 10, memory() - before\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = {"truncated": "their header claims", "card": "its own card_sha256 says"}
    assert words[change] in done.stdout
