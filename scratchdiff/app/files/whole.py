"""Files that are written whole or not at all."""
import errno
import os
import stat
import sys
from contextlib import contextmanager

from scratchdiff.app.errors import CommandError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def os_error(path, error, doing):
    """The CommandError for an OSError. Its status is 1 for a full disk, else 2."""
    return CommandError(f"cannot {doing} {path or repr(path)}: {error.strerror or error}",
                        status=1 if error.errno in FULL else 2)


@contextmanager
def whole_file(path):
    """Open a binary file for writing that appears at `path` only when all of it is on disk.

    The file is written beside `path` under another name, flushed, and renamed. The file system
    renames it whole or not at all. After an error, or Ctrl-C, the old file is as it was. A device
    such as /dev/stdout is written to directly. CommandError if the file cannot be written.
    """
    special = is_special(path)
    target = real_path(path)            # a link stays, and the file it points to is replaced
    name = os.path.join(os.path.dirname(target), f".scratchdiff.{os.urandom(8).hex()}.tmp")
    try:
        with open(path if special else name, "wb") as file:
            yield file
            file.flush()
            if not special:
                os.fsync(file.fileno())
        if not special:
            os.replace(name, target)
    except BaseException as error:
        if os.path.exists(name):
            os.remove(name)
        if isinstance(error, OSError):
            raise os_error(path, error, "write") from None
        raise


def is_special(path):
    """Whether there is something other than a file at `path`, such as a device.

    CommandError for a named pipe, because opening it waits for a reader, which may never come.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False                    # nothing is there, or a folder is missing
    if stat.S_ISFIFO(mode) and os.path.exists(real_path(path)):     # not a pipe behind /dev/stdout
        raise CommandError(f"cannot write {path}: it is a named pipe, and nobody may ever read it")
    return not stat.S_ISREG(mode)


def real_path(path):
    """The absolute path of a file to write. CommandError if the current folder was removed."""
    try:
        return os.path.realpath(path)
    except OSError as error:
        raise os_error(path, error, "write") from None


def write_text(path, text):
    """Write a text file, whole or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def expect_writable(path):
    """Raise CommandError now if a file could not be written at `path` later, after all the work.

    A read-only file is not replaced, even if its folder allows that, because somebody protects it.
    """
    folder = os.path.dirname(real_path(path))
    if os.path.isdir(path):
        raise CommandError(f"cannot write {path}: it is a folder")
    if not os.path.isdir(folder):
        missing = os.path.dirname(path) or folder
        raise CommandError(f"cannot write {path}: there is no folder {missing}")
    special = is_special(path)
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise CommandError(f"cannot write {path}: it is read-only")
    if not special and not os.access(folder, os.W_OK):
        raise CommandError(f"cannot write {path}: no permission to write in {folder}")


@contextmanager
def opened(path):
    """Open a file for reading bytes; "-" is standard input. CommandError if it cannot be read."""
    try:
        if path == "-":
            yield sys.stdin.buffer
        else:
            with open(path, "rb") as file:
                yield file
    except OSError as error:
        raise os_error(path, error, "read") from None
