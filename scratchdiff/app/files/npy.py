r"""Arrays from the bytes of .npy files. The files may be damaged, so every byte is checked.

A .npy file is a magic word, a version, the length of the header, the header, and the numbers:

    \x93NUMPY  \x01\x00  v\x00  {'descr': '<f8', 'fortran_order': False, 'shape': (60, 2), }  ...

NumPy's reader evaluates the header as a Python literal, and a damaged header can end in a dozen
different exceptions and warnings. But NumPy writes headers in one form only, so a pattern can read
them.
"""
import io
import math
import re

import numpy as np

MAGIC = b"\x93NUMPY"
LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}      # version: bytes of the length
HEADER = re.compile(rb"\{'descr':\s*(.+?),\s*'fortran_order':\s*(True|False),"
                    rb"\s*'shape':\s*\(([\d, ]*)\),?\s*\}\s*")
SIZE = rb" *(0|[1-9]\d{0,17})"
SHAPE = re.compile(rb"|%b,(%b,){0,30}(%b)?" % (SIZE, SIZE, SIZE))       # 32 axes at most
DTYPE = re.compile(r"'[<>|=]?([iu][1248]|f[248]|c8|c16|b1|U[1-9]\d{0,8})'")     # numbers or text


def parse_npy(data):
    """The array in the bytes of a .npy file. It is a view, so no header can make it too large.

    ValueError if the bytes are not a .npy file, or if they hold anything but plain numbers or text.
    Also if the size of the file does not fit the shape.
    """
    length = LENGTHS.get(bytes(data[6:8]))
    start = 8 + (length or 0)
    end = start + int.from_bytes(data[8:start], "little")
    header = HEADER.fullmatch(data, start, end)
    if data[:6] != MAGIC or not length or not header or not SHAPE.fullmatch(header[3]):
        raise ValueError("it is not a .npy file, or its header is damaged")
    dtype = header[1].decode("latin-1")
    if not DTYPE.fullmatch(dtype):
        raise ValueError(f"it holds {dtype[:40]}, not numbers")
    dtype = np.dtype(dtype.strip("'"))
    shape = tuple(int(n) for n in header[3].replace(b",", b" ").split())
    count = math.prod(shape)
    if count * dtype.itemsize != len(data) - end or math.prod(filter(None, shape)) > len(data):
        raise ValueError("its size does not fit its header: it is cut off, or damaged")
    array = np.frombuffer(data, dtype, count, end)
    return array.reshape(shape, order="F" if header[2] == b"True" else "C")


def npy_header(shape, dtype):
    """The header of a .npy file. After it, rows can be written as they are made."""
    file = io.BytesIO()
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()
