"""Writing files so that nothing is ever half written, and reading .npy bytes without believing them."""
import errno
import io
import math
import os
import stat
import sys
from contextlib import contextmanager

import numpy as np

from scratchdiff.app.errors import CommandError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def os_error(path, error, doing):
    """The CommandError for an OSError at a file: status 1 for a full disk, which is no fault of the command line."""
    return CommandError(f"cannot {doing} {path or repr(path)}: {error.strerror or error}", status=1 if error.errno in FULL else 2)


@contextmanager
def whole_file(path):
    """Open a binary file for writing that appears at `path`, in place of the old one, only when all of it is on disk.

    It is written beside it under another name, flushed, and renamed, which the file system does at once or not at
    all. On any error, or Ctrl-C, the old file stays as it was. What is not an ordinary file (/dev/stdout) is written
    to as it is.
    """
    target = real_path(path)            # through a link, so that the file is replaced and not the link
    special = os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode)
    name = target if special else os.path.join(os.path.dirname(target), f".scratchdiff.{os.urandom(8).hex()}.tmp")
    try:
        with open(name, "wb") as file:
            yield file
            file.flush()
            if not special:
                os.fsync(file.fileno())
        if not special:
            os.replace(name, target)
    except BaseException as error:
        if not special and os.path.exists(name):
            os.remove(name)
        if isinstance(error, OSError):
            raise os_error(path, error, "write") from None
        raise


def real_path(path):
    """The absolute path of a file to write; CommandError where there is none, as in a folder that has been removed."""
    try:
        return os.path.realpath(path)
    except OSError as error:
        raise os_error(path, error, "write") from None


def write_text(path, text):
    """Write a text file, whole or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def expect_writable(path):
    """Raise CommandError now if a file could not be written at `path` later, after all the work."""
    folder = os.path.dirname(real_path(path))
    if os.path.isdir(path):
        raise CommandError(f"cannot write {path}: it is a folder")
    if not os.path.isdir(folder):
        raise CommandError(f"cannot write {path}: there is no folder {os.path.dirname(path) or folder}")
    if not os.access(path if os.path.exists(path) and not os.path.isfile(path) else folder, os.W_OK):
        raise CommandError(f"cannot write {path}: no permission to write in {folder}")


def read_bytes(path):
    """All of a file; "-" is standard input."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise os_error(path, error, "read") from None


def parse_npy(data):
    """The array in the bytes of a .npy file: a read-only view of them, so that its size is what is really there.

    ValueError says what is wrong: not such a file, an object array (which would need pickle), or a shape that its
    bytes don't fill.
    """
    file = io.BytesIO(data)
    try:
        major, _ = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
    except (ValueError, TypeError, SyntaxError, KeyError, MemoryError, RecursionError, OverflowError):
        raise ValueError("it is not a .npy file, or its header is damaged") from None
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"it holds {dtype} where numbers are wanted")
    count = math.prod(shape)
    if any(n < 0 for n in shape) or count * dtype.itemsize != len(data) - file.tell():
        raise ValueError("its size does not fit its header: it is cut off, or damaged")
    return np.frombuffer(data, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")


def npy_header(shape, dtype):
    """The first bytes of a .npy file, so that its rows can be written as they are made."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape})
    return file.getvalue()
