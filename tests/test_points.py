"""app/files/points.py: points from the files that people have, and what is said of them."""
import io
import random
import sys
import tracemalloc

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files import points
from scratchdiff.app.files.checks import outlier_line
from scratchdiff.app.files.points import read_points
from scratchdiff.measure.shapes import SHAPES

ANGLES = np.arange(12) / 12 * 2 * np.pi
RING = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]).round(4)
ROWS = [f"{x:.4f},{y:.4f}" for x, y in RING]
PLAIN = "\n".join(["x,y", *ROWS]) + "\n"
LABELLED = "\n".join(["x,y,kind", *(f"{row},{'upper' if k < 6 else 'lower left'}"
                                    for k, row in enumerate(ROWS))])


def read(tmp_path, content, name="p.csv", label=None):
    path = tmp_path / name
    path.unlink(missing_ok=True)        # to write over it would wait for the disk
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_points(str(path), label)


def complaint(tmp_path, content, name="p.csv", label=None):
    with pytest.raises(CommandError) as caught:
        read(tmp_path, content, name, label)
    assert caught.value.status == 2
    start, message = str(caught.value).split(": ", 1)
    assert start == f"cannot use {tmp_path / name}" and "\n" not in message
    return message


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


HEADER = "line 1 is a header"
FILES_THAT_PEOPLE_HAVE = {                                  # and what is said of them in brackets
    "as it should be": (PLAIN, HEADER),
    "without a header": ("\n".join(ROWS), ""),
    "comments": ("# by hand\n" + PLAIN, "line 2 is a header"),
    "an index": ("\n".join([",x,y", *(f"{k},{row}" for k, row in enumerate(ROWS))]),
                 f"{HEADER}; column 1, an index, is left out"),
    "written by R": ('"x" "y"\n' + "\n".join(f'"{k}" {row}' for k, row in enumerate(
        [row.replace(",", " ") for row in ROWS], 1)), f"{HEADER}; column 1, an index, is left out"),
    "decimal commas": (PLAIN.replace(",", ";").replace(".", ","), f"{HEADER}; with decimal commas"),
    "decimal commas and tabs": (PLAIN.replace(",", "\t").replace(".", ","),
                                f"{HEADER}; with decimal commas"),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + PLAIN.encode(), HEADER),
    "UTF-16": (PLAIN.encode("utf-16"), HEADER),
    "UTF-16 without its mark": (PLAIN.encode("utf-16-be"), HEADER),
    "lines of old Macs": (PLAIN.replace("\n", "\r"), HEADER),
    "lines of Windows": (PLAIN.replace("\n", "\r\n"), HEADER),
    "quotes": ("\n".join(f'"{x}","{y}"' for x, y in (line.split(",") for line in PLAIN.split())),
               HEADER),
    "another code page": ("x (°),y (°)\n".encode("cp1252") + PLAIN[4:].encode(),
                          f"{HEADER}; its names are read as Windows-1252"),
    "printed minus signs": (PLAIN.replace("-", "\u2212"), HEADER),
    "a constant column is kept": ("\n".join(["x,y,z", *(row + ",7.5" for row in ROWS)]),
                                  f"{HEADER}; column 3 (z) is always 7.5")}


@pytest.mark.parametrize("kind", FILES_THAT_PEOPLE_HAVE)
def test_files_that_people_have(tmp_path, kind):
    content, decided = FILES_THAT_PEOPLE_HAVE[kind]
    for name in ("p.csv", "p.tsv", "p.TXT"):
        got = read(tmp_path, content, name)
        assert np.array_equal(got.points[:, :2], RING) and got.points.dtype == np.float64
        assert got.said == (f"read 12 points of {got.points.shape[1]} coordinates from "
                            f"{tmp_path / name}" + f" ({decided})" * bool(decided))


@pytest.mark.parametrize("text, said", [
    ("x\n" + "\n".join("1,00 0,99 0,98".split()),
     "line 1 has 1 name, line 2 has 2 columns (decimal commas?)"),
    (PLAIN + "0.5,NA\n", "line 14: column 2 (y) holds 'NA', a missing value "
                         "(line 1 was read as a header)"),
    (PLAIN + "0.5,\n", "line 14: column 2 (y) holds nothing, a missing value "
                       "(line 1 was read as a header)"),
    ('"1,234","2,345"\n"3,456","4,567"\n', "line 1: column 1 holds '1,234', which has thousands "
                                           "separators, or another decimal mark than the rest"),
    ("0x10,0x20\n1,2\n3,4\n", "line 1: column 1 holds '0x10', which is not a decimal number"),
    ("\u0661\u066b\u0665,2\n3,4\n", "line 1: column 1 holds '\u0661\u066b\u0665', which is not a "
                                    "number"),
    ("1,2\n3\n", "line 2 has 1 column, line 1 has 2"),
    ("x,y\n# c\n1,2\n3,4,5\n", "line 4 has 3 columns, line 3 has 2"),
    ("1,2\n3," + "w" * 99, f"line 2: column 2 holds '{'w' * 40}'..., which is not a number"),
    (LABELLED, "line 2: column 3 (kind) holds 'upper', which is not a number; a column of words: "
               "--label 3 learns them as prompts"),
    (LABELLED.replace("kind", "the kind"), "line 2: column 3 (the kind) holds 'upper', which is "
     "not a number; a column of words: --label 3 learns them as prompts"),
    ("ring\t1\t0\nring\t0\t1\n", "line 1: column 1 holds 'ring', which is not a number; "
     "a column of words: --label 1 learns them as prompts"),
    ("x\n1 50\n0 41\n", "line 1 has 1 name, line 2 has 2 columns"),
    ("", "it holds no points"), ("1,2\n", "it holds 1 point, there must be two or more"),
    ("1,2\n1e400,4\n", "line 2: column 1 holds inf: every number must be finite, and no larger "
                       "than 1e+100"),
    ("1,2\n1,2\n", "all its points are equal"),
    ("x\ty\n5\t1\t2\n9\t3\t4", "line 1 has 2 names, line 2 has 3 columns"),
])
def test_files_that_are_refused(tmp_path, text, said):
    assert complaint(tmp_path, text) == said


def test_names_of_rows(tmp_path):
    """One name for two columns: the first only numbers the rows."""
    got = read(tmp_path, "x\n0\t0.5\n1\t0.25\n")
    assert got.names == ("x",) and got.points.tolist() == [[0.5], [0.25]]


def test_labels(tmp_path):
    for label in ("kind", "3"):
        got = read(tmp_path, LABELLED, label=label)
        assert np.array_equal(got.points, RING) and got.names == ("x", "y")
        assert got.labels == 6 * ["upper"] + 6 * ["lower left"]
        assert (got.label_place, got.label_name) == (2, "kind")
        assert got.said.endswith("(line 1 is a header; column 3 (kind) is the label)")
    got = read(tmp_path, "id,kind,x\n1,a,0.5\n2,7,1.5\n3,a,0.5\n", label="kind")
    assert (got.names, got.labels, got.label_place) == (("x",), ["a", "7", "a"], 0)
    got = read(tmp_path, "S\xfcd,2\nNord,3\nNord,5\n".encode("cp1252"), label="1")
    assert (got.names, got.labels[0], got.label_place, got.label_name) == (None, "Süd", 0, None)
    assert "its labels are read as Windows-1252" in got.said


@pytest.mark.parametrize("label, said", [
    ("kin", "it has no column 'kin' for the label, but 3 columns named 'x, y, kind'"),
    ("y", "line 2: column 3 (kind) holds 'upper', which is not a number; "
          "leave that column out of the file")])
def test_a_label_that_is_not_there_or_not_the_only_one(tmp_path, label, said):
    assert complaint(tmp_path, LABELLED, label=label) == said


def test_names_and_titles(tmp_path):
    got = read(tmp_path, ",x,\n0,1.5,2\n1,2.5,3\n2,3.5,5\n")
    assert got.names == ("x", "") and got.titles == ("column 2 (x)", "column 3")
    got = read(tmp_path, ",0,1\n0,1.5,2\n1,2.5,3\n")
    assert got.names is None, "as a header they would be read as a point"
    assert np.array_equal(got.points, [[1.5, 2], [2.5, 3]])


def test_an_outlier_is_named_by_its_line(tmp_path):
    got = read(tmp_path, PLAIN + "1000000,0.25\n")
    assert outlier_line(got) == (
        "line 14: column 1 (x) holds 1000000; this lies 1000000 times as far out as any other "
        "point, which leaves the others no scale: is it a mistake?")
    far = np.vstack([RING, [[0, -1e5], [0, 2e5]]])
    assert outlier_line(read(tmp_path, as_npy(far), "p.npy")).startswith(
        "row 13: column 2 holds 200000; this and 1 more lies 100000 times as far out")
    assert outlier_line(read(tmp_path, PLAIN)) is None


@pytest.mark.parametrize("array", [RING, np.asfortranarray(RING), RING.astype(">f8")])
def test_npy(tmp_path, array):
    got = read(tmp_path, as_npy(array), "p.npy")
    assert np.array_equal(got.points, RING) and got.points.dtype == np.float64
    assert (got.names, got.labels, got.lines, got.where(3)) == (None, None, None, "row 3")
    assert got.said == f"read 12 points of 2 coordinates from {tmp_path / 'p.npy'}"


def test_npy_of_other_kinds(tmp_path):
    got = read(tmp_path, as_npy(np.array([[1, 2], [3, 4]], np.uint8)), "p.npy")
    assert got.points.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert read(tmp_path, as_npy(np.array([1.0, 2.0])), "p.npy").points.tolist() == [[1.0], [2.0]]
    got = read(tmp_path, as_npy(np.column_stack([RING, ANGLES > 2])), "p.npy", label="3")
    assert np.array_equal(got.points, RING) and got.labels == 4 * ["0"] + 8 * ["1"]


@pytest.mark.parametrize("data, said", [
    (b"1,2\n", "it is not a .npy file, or its header is damaged"),
    (as_npy(RING)[:-3], "its size does not fit its header: it is cut off, or damaged"),
    (as_npy(np.array([None, 1])), "it holds '|O', not numbers"),
    (as_npy(np.array([1j, 2])), "it holds complex128, not real numbers"),
    (as_npy(np.array(["a", "b"])), "it holds <U1, not real numbers"),
    (as_npy(np.array([True, False])), "it holds bool, not real numbers"),
    (as_npy(np.ones((2, 2, 2))), "its shape is (2, 2, 2), it must be (points, coordinates)"),
    (as_npy(np.ones((2, 0))), "its shape is (2, 0), it must be (points, coordinates)"),
    (as_npy(np.array(5.0)), "its shape is (), it must be (points, coordinates)"),
    (as_npy(np.ones((0, 2))), "it holds 0 points, there must be two or more"),
    (as_npy(np.ones((2, 300))), "it has 300 columns, at most 100 are allowed (transposed?)"),
    (as_npy(np.zeros(10 ** 7 + 1, np.int8)), "it holds more than 10000000 numbers"),
    (as_npy(np.array([[1.0, 2.0], [np.inf, 3.0]])),
     "row 1: column 1 holds inf: every number must be finite, and no larger than 1e+100")])
def test_npy_that_is_refused(tmp_path, data, said):
    assert complaint(tmp_path, data, "p.npy") == said


@pytest.mark.parametrize("data", [PLAIN.encode(), as_npy(RING)])
def test_standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    got = read_points("-")
    assert np.array_equal(got.points, RING) and "from standard input" in got.said


def test_names_that_cannot_be(tmp_path):
    for name in ("circel", "points.xls", str(tmp_path / "p")):
        with pytest.raises(CommandError, match=f"cannot read {name}: it must be a file whose name "
                           "ends in .csv, .tsv, .txt, .npy; or one of the shapes "
                           f"{', '.join(SHAPES)}$"):
            read_points(name)
    with pytest.raises(CommandError, match="cannot read .*: Is a directory"):
        read_points(str(tmp_path))
    with pytest.raises(CommandError, match="cannot read .*no.csv: No such file or directory"):
        read_points(str(tmp_path / "no.csv"))


def test_memory_is_for_the_numbers_and_not_for_the_text(tmp_path):
    """A square array with 2000 columns would take 32 MB."""
    (tmp_path / "long.csv").write_text("0.25,1.5\n0.75,2.5\n" * 2500)
    (tmp_path / "wide.csv").write_text(2 * (",".join(["1.5"] * 2000) + "\n"))
    tracemalloc.start()
    read_points(str(tmp_path / "long.csv"))
    with pytest.raises(CommandError, match="line 1 has 2000 columns, at most 100 are allowed"):
        read_points(str(tmp_path / "wide.csv"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2e6


def test_a_long_file_is_read_in_order_to_its_end(tmp_path):
    """More rows than become numbers at once, and some with quotes."""
    rows = [f"{k}.5,{-k}" for k in range(2500)]
    got = read(tmp_path, "\n".join(rows))
    assert got.points[:, 0].tolist() == [k + 0.5 for k in range(2500)]
    assert got.points[:, 1].tolist() == [-k for k in range(2500)] and got.where(2400) == "line 2401"
    rows[1700] = '"1.5", "2"'
    assert read(tmp_path, "\n".join(rows)).points[1699:1702].tolist() == [
        [1699.5, -1699], [1.5, 2], [1701.5, -1701]]
    for damaged, said in [("1.5,-", "line 2302: column 2 holds '-', a missing value"),
                          ("1.5", "line 2302 has 1 column, line 1 has 2"),
                          ('"1.5,2', "after line 2301: its quotes do not match (")]:
        text = "\n".join([*rows[:2301], damaged, *rows[2302:]])
        assert complaint(tmp_path, text).startswith(said)


def test_a_text_with_too_many_numbers_says_what_holds_more(tmp_path, monkeypatch):
    monkeypatch.setattr(points, "MOST_IN_TEXT", 23)
    assert complaint(tmp_path, PLAIN) == (
        "it holds more than 23 numbers: save them as .npy, which may hold 10000000")


def test_damaged_files_are_refused_or_read_as_they_are(tmp_path):
    """Each line that is still as it was gives the same point as before; where not, it is asked."""
    rng = random.Random(0)
    refused = asked = 0
    for content in (content for content, _ in FILES_THAT_PEOPLE_HAVE.values()):
        content = content if isinstance(content, str) else PLAIN
        whole = read(tmp_path, content)
        texts = content.splitlines()
        want = {texts[line - 1]: x for line, x in zip(whole.lines, whole.points.tolist())}
        for _ in range(20):
            damaged = list(content)
            for _ in range(rng.randint(1, 2)):
                place = rng.randrange(len(damaged))
                damaged[place:place + rng.randint(0, 1)] = rng.choices("059.,;-eN\"' \n\txy\u2212",
                                                                        k=rng.randint(0, 1))
            damaged = "".join(damaged)
            try:
                got = read(tmp_path, damaged)
            except CommandError as error:
                refused += 1
                assert "\n" not in str(error)
                continue
            if got.points.shape[1] != whole.points.shape[1]:
                asked += 1
                assert "?" in got.said
                continue
            texts = damaged.splitlines()
            points = {texts[line - 1]: x for line, x in zip(got.lines, got.points.tolist())}
            assert {text: points[text] for text in want if text in texts}.items() <= want.items()
    assert 100 < refused < 250 and asked < 10
