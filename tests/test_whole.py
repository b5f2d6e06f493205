"""app/files/whole.py: whole files or none."""
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scratchdiff.app.files import whole as files
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.whole import (
    expect_writable, opened, whole_file, write_text)

ROOT = Path(__file__).parent.parent


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old", "until all of it is there"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_two_files_at_once_in_one_folder_do_not_meet(tmp_path):
    """As when several machines write the parts of one sample."""
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
    assert link.is_symlink() and target.read_text() == "new"
    assert os.listdir(tmp_path / "there") == ["a.txt"]


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    for path in (os.devnull, str(link)):
        expect_writable(path)
        write_text(path, "gone")
        assert stat.S_ISCHR(os.stat(path).st_mode)
    assert os.listdir(tmp_path) == ["null"]


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout here")
def test_standard_output_may_be_a_pipe(tmp_path):
    (tmp_path / "out").symlink_to("/dev/stdout")
    program = ("import sys; from scratchdiff.app.files.whole import *; "
               "expect_writable(sys.argv[1]); write_text(sys.argv[1], 'through')")
    for path in ("/dev/stdout", str(tmp_path / "out")):
        got = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, capture_output=True)
        assert (got.stdout, got.stderr, got.returncode) == (b"through", b"", 0)


def test_a_named_pipe_is_refused(tmp_path):
    """Opening it would wait for somebody who reads from it, and not end at Ctrl-C."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    for write in (expect_writable, lambda path: write_text(path, "x")):
        with pytest.raises(CommandError, match=f"cannot write {path}: it is a named pipe"):
            write(path)
    assert stat.S_ISFIFO(os.stat(path).st_mode)


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda name, mode: name != str(path))     # as root, all is
    with pytest.raises(CommandError, match=f"cannot write {path}: it is read-only"):
        expect_writable(str(path))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_status_1():
    with pytest.raises(CommandError, match="cannot write /dev/full: No space left") as caught:
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
    monkeypatch.setattr(os, "access", lambda path, mode: False)     # as root, all is permitted
    with pytest.raises(CommandError, match=f"a.txt: no permission to write in {tmp_path}"):
        expect_writable(str(tmp_path / "a.txt"))


def test_what_cannot_be_read(tmp_path):
    for path, why in [(tmp_path / "no.csv", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(CommandError, match=f"cannot read {path}: {why}") as caught:
            with opened(str(path)) as file:
                file.read()
        assert caught.value.status == 2


def test_other_errors_of_the_disk(tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(CommandError, match="cannot write .*a.txt: Permission denied") as caught:
        write_text(str(tmp_path / "a.txt"), "x")
    assert caught.value.status == 2 and os.listdir(tmp_path) == []
