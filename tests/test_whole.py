"""app/files.py: whole files or none, and .npy bytes that are not believed."""
import io
import os
import stat

import numpy as np
import pytest

from scratchdiff.app.files import whole as files
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.whole import expect_writable, npy_header, parse_npy, read_bytes, whole_file, write_text


def npy(array, **rest):
    file = io.BytesIO()
    np.save(file, array, **rest)
    return file.getvalue()


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old", "until all of it is there"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_two_files_at_once_in_one_folder_do_not_meet(tmp_path):
    """As when several machines, on which a process may have the same number, write the parts of one sample."""
    with whole_file(str(tmp_path / "a")) as a, whole_file(str(tmp_path / "b")) as b:
        a.write(b"one")
        b.write(b"other")
    assert (tmp_path / "a").read_bytes() == b"one" and (tmp_path / "b").read_bytes() == b"other"


def test_a_name_may_be_as_long_as_the_folder_allows(tmp_path):
    write_text(str(tmp_path / ("a" * 255)), "text")
    assert os.listdir(tmp_path) == ["a" * 255]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error):
        with whole_file(str(path)) as file:
            file.write(b"half")
            raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_what_is_written_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: order.append("fsync"))
    monkeypatch.setattr(os, "replace", lambda *names: order.append("replace") or replace(*names))
    write_text(str(tmp_path / "a.txt"), "ä")
    assert order == ["fsync", "replace"] and (tmp_path / "a.txt").read_bytes() == "ä".encode()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_text(str(link), "new")
    assert link.is_symlink() and target.read_text() == "new" and os.listdir(tmp_path / "there") == ["a.txt"]


def test_what_is_no_ordinary_file_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_text(str(path), "through")
    assert os.read(reader, 100) == b"through" and stat.S_ISFIFO(os.stat(path).st_mode)
    os.close(reader)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_status_1():
    with pytest.raises(CommandError, match="cannot write /dev/full: No space left on device") as caught:
        write_text("/dev/full", "x" * 100_000)
    assert caught.value.status == 1


def test_where_nothing_can_be_written(tmp_path):
    for check in (expect_writable, lambda path: write_text(path, "x")):
        for path in (tmp_path, tmp_path / "no" / "a.txt"):
            with pytest.raises(CommandError, match=f"cannot write {path}: ") as caught:
                check(str(path))
            assert caught.value.status == 2
    expect_writable(str(tmp_path / "a.txt"))
    assert os.listdir(tmp_path) == [], "asking leaves nothing behind"


def test_no_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)     # as root, everything is permitted
    with pytest.raises(CommandError, match=f"cannot write .*a.txt: no permission to write in {tmp_path}"):
        expect_writable(str(tmp_path / "a.txt"))


def test_what_cannot_be_read(tmp_path):
    for path, why in [(tmp_path / "no.csv", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(CommandError, match=f"cannot read {path}: {why}") as caught:
            read_bytes(str(path))
        assert caught.value.status == 2


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(3, 2), np.asfortranarray(np.arange(6.0).reshape(3, 2)), np.array(5),
                                   np.empty((0, 2)), np.arange(3, dtype=">i2"), np.array("text"), np.array([True])])
def test_npy_bytes_are_the_array(array):
    got = parse_npy(npy(array))
    assert got.dtype == array.dtype and np.array_equal(got, array)


def test_npy_that_is_not_what_it_says():
    data = npy(np.arange(6.0))
    for wrong in (b"", b"rubbish", data[:5], data[:40], b"x" + data[1:]):
        with pytest.raises(ValueError, match="it is not a .npy file, or its header is damaged"):
            parse_npy(wrong)
    for wrong in (data[:-1], data + b"x"):
        with pytest.raises(ValueError, match="its size does not fit its header: it is cut off, or damaged"):
            parse_npy(wrong)
    with pytest.raises(ValueError, match="it holds object where numbers are wanted"):
        parse_npy(npy(np.array([None]), allow_pickle=True))


@pytest.mark.parametrize("shape", ["(10**18, 10**18)", "(1000000000000,)", "(-6,)", "(2**62, 4)"])
def test_a_small_file_cannot_ask_for_much_memory(shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {eval(shape)}, }}".encode().ljust(117) + b"\n"
    with pytest.raises(ValueError, match="its size does not fit its header"):
        parse_npy(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(48))


def test_a_header_for_rows_that_come_later():
    rows = np.arange(6.0).reshape(3, 2)
    assert npy_header((3, 2), np.float64) + rows.tobytes() == npy(rows)


def test_other_errors_of_the_disk(tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(CommandError, match="cannot write .*a.txt: Permission denied") as caught:
        write_text(str(tmp_path / "a.txt"), "x")
    assert caught.value.status == 2 and os.listdir(tmp_path) == []
