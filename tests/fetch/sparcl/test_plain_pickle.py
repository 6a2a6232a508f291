"""Pickles: plain data come back as they were, everything else is refused and nothing runs."""

import builtins
import copyreg
import datetime
import functools
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst

from astroclip_astro.fetch.sparcl.plain_pickle import DEEPEST, load
from astroclip_astro.fetch.transport import BadReplyError

DTYPES = ["?", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u8", "<f2", ">f4", "<f4", "<f8", ">f8"]
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
)


def nested(atoms):
    """Atoms in lists, tuples and dictionaries."""
    return st.recursive(
        atoms,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=4).map(tuple)
            | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
        max_leaves=20,
    )


ARRAYS = st.sampled_from([*DTYPES, "<U3", ">U2", "S4"]).flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0, max_dims=3))
)
SCALARS = npst.arrays(st.sampled_from(DTYPES), ()).map(lambda array: array[()])
PLAIN = nested(ATOMS | st.binary(max_size=20) | ARRAYS | SCALARS)


def same(one, other):
    """Whether two values are the same to the bit, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == (other.tobytes())
        )
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(PLAIN, st.integers(3, 5))
def test_plain_data_come_back_to_the_bit(value, protocol):
    assert same(load(pickle.dumps(value, protocol)), value)


@given(nested(ATOMS))
def test_data_without_bytes_come_back_in_protocol_2(value):
    assert same(load(pickle.dumps(value, 2)), value)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_in_fortran_order_come_back(protocol):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert same(load(pickle.dumps(array, protocol)), array)


@pytest.mark.parametrize("protocol", [3, 4])
def test_names_before_numpy_2_are_admitted(protocol):
    content = pickle.dumps([np.arange(3), np.float32(2)], protocol)
    renamed = content.replace(b"\x16numpy._core", b"\x15numpy.core").replace(
        b"cnumpy._core", b"cnumpy.core"
    )
    assert renamed != content
    assert same(load(renamed), [np.arange(3), np.float32(2)])


def test_an_array_sent_twice_comes_back_twice():
    array = np.arange(3.0)
    one, other = load(pickle.dumps([array, array]))
    assert one is other
    assert same(one, array)


def test_arrays_cannot_be_written_to():
    assert not load(pickle.dumps(np.arange(3))).flags.writeable


# ------------------------------------------------------------------ nothing else, ever


ANSWERS = (type(None), bool, int, float, str, bytes, list, tuple, dict, np.ndarray, np.generic)


def outcome(content):
    """What a pickle holds, or the error that refuses it."""
    try:
        return load(content)
    except BadReplyError as error:
        return error


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\x80\x04" + rest))
def test_any_bytes_are_a_value_or_a_bad_reply(content):
    assert isinstance(outcome(content), (*ANSWERS, BadReplyError))


OPCODES = sorted({code for code in vars(pickle).values() if type(code) is bytes and len(code) == 1})


@settings(max_examples=300)
@given(
    st.integers(2, 4),
    st.lists(st.sampled_from(OPCODES) | st.binary(max_size=3) | st.just(b"\x8c\x05numpy")),
)
def test_any_program_is_a_value_or_a_bad_reply(protocol, program):
    content = bytes([0x80, protocol]) + b"".join(program) + b"."
    assert isinstance(outcome(content), (*ANSWERS, BadReplyError))


@settings(max_examples=300)
@given(PLAIN, st.integers(2, 5), st.data())
def test_a_changed_pickle_is_a_value_or_a_bad_reply(value, protocol, data):
    content = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["replace", "remove", "insert", "cut"]))
        byte = data.draw(st.integers(0, 255) | st.sampled_from(OPCODES).map(ord))
        if how == "replace":
            content[place] = byte
        elif how == "remove" and len(content) > 1:
            del content[place]
        elif how == "insert":
            content.insert(place, byte)
        else:
            del content[place + 1 :]
    assert isinstance(outcome(bytes(content)), (*ANSWERS, BadReplyError))


@given(st.data())
def test_a_pickle_cut_short_is_refused(data):
    content = pickle.dumps([{"flux": np.arange(5.0)}, {"ra": 1.5}])
    with pytest.raises(BadReplyError):
        load(content[: data.draw(st.integers(0, len(content) - 1))])


def test_what_follows_the_end_is_refused():
    with pytest.raises(BadReplyError, match="one value"):
        load(pickle.dumps([1]) + b"N.")


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def exploits(marker):
    """Pickles that would write a file, in the ways that are known."""
    write = f"open({str(marker)!r}, 'w').close()"
    command = f"touch {marker}"
    np.save(marker.with_suffix(".npy"), np.array([Call(exec, write)], object), allow_pickle=True)
    yield "eval", pickle.dumps(Call(builtins.eval, write))
    yield "exec", pickle.dumps(Call(builtins.exec, write))
    yield "getattr", pickle.dumps(Call(getattr, "", "upper"))
    yield "open", pickle.dumps(Call(open, str(marker), "w"))
    yield "system", pickle.dumps(Call(os.system, command))
    yield "popen", pickle.dumps(Call(subprocess.getoutput, command))
    yield "partial", pickle.dumps(Call(functools.partial, exec, write))
    yield "copyreg", pickle.dumps(Call(copyreg._reconstructor, datetime.date, object, None))
    yield "numpy.load", pickle.dumps(Call(np.load, str(marker.with_suffix(".npy")), None, True))
    yield "object array", pickle.dumps(np.array([Call(exec, write)], object))
    yield "hidden in a list", pickle.dumps([{}, {"flux": Call(exec, write)}])
    for module, name in (
        ("numpy.f2py", "compile"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy._core.multiarray", "array"),
        ("numpy._core.multiarray", "_reconstruct.__call__"),
        ("numpy._core.numeric", "__builtins__"),
        ("numpy", "load"),
        ("builtins", "__import__"),
        ("posix", "system"),
    ):
        old = f"c{module}\n{name}\n(X{chr(len(command))}\0\0\0{command}tR.".encode()
        yield f"{module} {name}", b"\x80\x02" + old
        yield (
            f"{module} {name} stack",
            (b"\x80\x04" + b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, name)))
            + b"\x93)R.",
        )
    yield "OBJ", b"\x80\x02(No."
    yield "NEWOBJ", b"\x80\x02N)\x81."
    yield "INST", f"\x80\x02(X{chr(len(command))}\0\0\0{command}iposix\nsystem\n.".encode("latin1")
    yield "persistent", b"\x80\x02Pname\n."
    yield "persistent on the stack", b"\x80\x02NQ."
    yield "extension", b"\x80\x02\x82\x01."
    yield "buffer", b"\x80\x05\x97."
    yield "protocol 0", pickle.dumps(Call(exec, write), 0)


def test_exploits_are_refused_and_do_not_run(tmp_path):
    marker = tmp_path / "ran"
    for name, content in exploits(marker):
        with pytest.raises(BadReplyError):
            load(content)
        assert not marker.exists(), name


def test_the_exploits_of_this_test_are_real(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(dict(exploits(marker))["eval"])
    assert marker.exists()


def test_nothing_is_imported_by_a_name_in_a_pickle():
    code = (
        "import sys\n"
        "from astroclip_astro.fetch.sparcl.plain_pickle import load\n"
        "from astroclip_astro.fetch.transport import BadReplyError\n"
        "before = set(sys.modules)\n"
        "try:\n    load(b'\\x80\\x02cantigravity\\nfly\\n.')\n"
        "except BadReplyError:\n    print(sorted(set(sys.modules) - before))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset([1]),
        bytearray(b"a"),
        1j,
        np.complex64(1),
        np.longdouble(1),
        np.datetime64("2020-01-01"),
        np.array([None]),
        np.zeros(2, [("a", "f4")]),
        np.dtype("f4"),
        np.ndarray,
        {1: 2},
        {None: 2},
        {(1,): 2},
        2**64,
        -(2**63) - 1,
        1 << 10_000,
        datetime.date(2020, 1, 1),
        slice(1),
    ],
    ids=repr,
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(BadReplyError):
        load(pickle.dumps([value]))


def test_numpys_own_data_types_stay_as_they_are():
    before = np.dtype("f4").byteorder, np.dtype("f4").isnative
    content = pickle.dumps(np.arange(3, dtype="<f4"), 4)
    assert load(content.replace(b"\x8c\x01<", b"\x8c\x01>")).dtype == np.dtype(">f4")
    assert (np.dtype("f4").byteorder, np.dtype("f4").isnative) == before


# ------------------------------------------------------------------ bombs


def forged(shape, content=b"", code="f4", order="<"):
    """A pickle of protocol 4 of an array that claims a shape."""
    data = b"B" + struct.pack("<I", len(content)) + content
    return b"\x80\x04" + array_of(shape, data, code, order) + b"."


def array_of(shape, data, code="f4", order="<"):
    """Instructions for an array, of which ``data`` are those for its bytes."""
    dtype = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c" + bytes([len(code)]) + code.encode()
    dtype += b"\x89\x88\x87R(K\x03\x8c\x01" + order.encode()
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    numbers = b"".join(b"\x8a\x08" + struct.pack("<q", length) for length in shape)
    return (
        b"\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93"
        b"\x8c\x05numpy\x8c\x07ndarray\x93K\x00\x85C\x01b\x87R(K\x01("
        + (numbers + b"t" + dtype + b"\x89" + data + b"tb")
    )


def test_the_forged_array_would_be_good():
    assert load(forged([2], bytes(8))).tolist() == [0, 0]


BOMBS = {
    "claimed shape": forged([10**12]),
    "shape that overflows": forged([2**33, 2**33], bytes(8)),
    "huge empty shape": forged([0, 2**62, 2**62]),
    "negative shape": forged([-1], bytes(4)),
    "many axes": forged([1] * 40, bytes(4)),
    "items of no size": forged([10**9], b"", "U0"),
    "large items": forged([10**9], b"", "S99999"),
    "objects": forged([1], bytes(8), "O8"),
    "void": forged([1], bytes(8), "V8"),
    "impossible text": forged([1], b"\xff" * 4, "U1"),
    "impossible truth": forged([1], b"\x02", "b1", "|"),
    "reconstruct with a shape": forged([2], bytes(8)).replace(b"K\x00\x85C", b"M\xff\xff\x85C"),
    "ndarray called": b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93J\xff\xff\xff\x7f\x85\x85R.",
    "array without its state": forged([2], bytes(8))[: forged([2]).index(b"R(K\x01") + 1] + b".",
    "long bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "bytes longer than any": b"\x80\x04\x8e" + b"\xff" * 8 + b"abc.",
    "long bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"abc.",
    "long text": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc.",
    "long integer": b"\x80\x02\x8b" + struct.pack("<i", 2**30) + b"abc.",
    "negative length": b"\x80\x02\x8b" + struct.pack("<i", -1) + b"abc.",
    "far memo": b"\x80\x02Nr\x00\x00\x00\x80.",
    "deep list": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep tuple": b"\x80\x02)" + b"\x85" * 1_000_000 + b".",
    "deep tuple as a key": b"\x80\x02})" + b"\x85" * 1_000_000 + b"Ns.",
    "marks": b"\x80\x02" + b"(" * 1_000_000 + b".",
    "dictionaries": b"\x80\x02]" + b"}a" * 500_000 + b".",
    "list in itself": b"\x80\x02]q\x00h\x00a.",
    "laughs": pickle.dumps(functools.reduce(lambda inner, _: [inner, inner], range(60), [])),
    "tuples that double": b"\x80\x02)" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(60)) + b".",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_little_memory(name):
    content = BOMBS[name]
    tracemalloc.start()
    try:
        with pytest.raises(BadReplyError):
            load(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1e5 + 25 * len(content)


def test_bytes_shared_by_many_arrays_are_refused():
    zeros = b"B" + struct.pack("<I", 4000) + bytes(4000)
    content = b"\x80\x04]" + array_of([1000], zeros + b"\x94") + b"a"
    assert len(load(content + b".")[0]) == 1000
    again = array_of([1000], b"h\x00") + b"a"
    with pytest.raises(BadReplyError, match="more bytes than the whole"):
        load(content + again + b".")


def test_lists_may_be_as_deep_as_said():
    def deep(levels):
        return functools.reduce(lambda inner, _: [inner], range(levels - 1), 1)

    assert load(pickle.dumps(deep(DEEPEST))) == deep(DEEPEST)
    with pytest.raises(BadReplyError, match="levels"):
        load(pickle.dumps(deep(DEEPEST + 1)))
