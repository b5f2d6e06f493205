"""app/files/npy.py: the arrays in .npy bytes, and what is said of bytes that are none."""
import io
import random

import numpy as np
import pytest

from scratchdiff.app.files.npy import npy_header, parse_npy

DAMAGED = "it is not a .npy file, or its header is damaged"
MISFIT = "its size does not fit its header: it is cut off, or damaged"


def npy(array, **rest):
    file = io.BytesIO()
    np.save(file, array, **rest)
    return file.getvalue()


def with_header(header, numbers=bytes(48), version=b"\x01\x00"):
    length = 2 if version == b"\x01\x00" else 4
    header = header.encode("latin-1")
    return b"\x93NUMPY" + version + len(header).to_bytes(length, "little") + header + numbers


def said_of(data):
    with pytest.raises(ValueError) as caught:
        parse_npy(data)
    return str(caught.value)


@pytest.mark.parametrize("array", [
    np.arange(6.0).reshape(3, 2), np.asfortranarray(np.arange(6.0).reshape(3, 2)), np.array(5),
    np.empty((0, 2)), np.arange(3, dtype=">i2"), np.array("text"), np.array([True]),
    np.arange(24, dtype=np.float16).reshape(2, 3, 4), np.array([1j])])
def test_the_bytes_are_the_array(array):
    got = parse_npy(npy(array))
    assert got.dtype == array.dtype and got.shape == array.shape and np.array_equal(got, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version(version):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(6.0).reshape(3, 2), version)
    assert np.array_equal(parse_npy(file.getvalue()), np.arange(6.0).reshape(3, 2))


def test_the_array_is_a_view_of_the_bytes():
    data = bytearray(npy(np.arange(6.0)))
    array = parse_npy(data)
    data[-1] = 0
    assert array[5] != 5, "memory for numbers that are not there is never asked for"


@pytest.mark.parametrize("header", [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2, }", "{'descr': '<f8'}", "", "{}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -2), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (06,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (6), }",
    "{'descr': '<f8', 'fortran_order': 0, 'shape': (6,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (6%s), }" % (40 * ", 1"),
    "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), 'more': 1}",
    r"{'descr': '<f8', 'fortran_order\s': False, 'shape': (6,), }"])
def test_a_header_of_another_form(header):
    assert said_of(with_header(header)) == DAMAGED


@pytest.mark.parametrize("descr", ["'|O'", "'<f16'", "'<f8\\s'", "[('a', '<f8')]", "'<M8[s]'",
                                   "'|V8'", "'<U0'", "__import__('os').abort()"])
def test_what_holds_anything_but_numbers_or_text(descr):
    data = with_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': (6,), }}")
    assert said_of(data) == f"it holds {descr}, not numbers"


@pytest.mark.parametrize("data", [b"", b"rubbish", npy(np.ones(6))[:5], npy(np.ones(6))[:40],
                                  b"x" + npy(np.ones(6))[1:], b"\x93NUMPY\x04\x00" + bytes(99)])
def test_what_is_not_npy(data):
    assert said_of(data) == DAMAGED


@pytest.mark.parametrize("data", [npy(np.ones(6))[:-1], npy(np.ones(6)) + b"x"])
def test_a_cut_off_file(data):
    assert said_of(data) == MISFIT


@pytest.mark.parametrize("shape", ["(100000000000000000, 100000000000000000)", "(1000000000000,)",
                                   "(0, 1000000000000000, 1000000000000000, 1000000000000000)"])
def test_a_small_file_cannot_ask_for_much_memory(shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    for numbers in (bytes(48), b""):
        assert said_of(with_header(header, numbers)) == MISFIT


def test_a_long_header_takes_no_time():
    """A pattern that goes back over the blanks again and again would take hours."""
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (6,)" + " " * 10 ** 6 + "x"
    assert said_of(with_header(header, version=b"\x02\x00")) == DAMAGED


def test_a_header_for_rows_that_come_later():
    rows = np.arange(6.0).reshape(3, 2)
    assert npy_header((3, 2), np.float64) + rows.tobytes() == npy(rows)


def test_damaged_headers_end_in_a_line_or_in_the_numbers_that_are_there():
    """pytest is told to take warnings, of Python or NumPy, for errors."""
    rng = random.Random(0)
    whole = npy(np.arange(6.0).reshape(3, 2))
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            place, new = rng.randrange(70), rng.choices(b"(){}[],:'0123LTrue\\s \xff\0", k=2)
            data[place:place + rng.randint(0, 2)] = bytes(new[:rng.randint(0, 2)])
        try:
            array = parse_npy(bytes(data))
        except ValueError as error:
            assert str(error) in (DAMAGED, MISFIT) or ", not numbers" in str(error)
        else:
            assert array.nbytes == 48
