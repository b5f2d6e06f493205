"""The package as a whole: its public names, its floors, and what every file keeps to."""
import ast
import pydoc
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import scratchdiff

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "scratchdiff"
FLOORS = {"nn": 0, "diffusion": 1, "measure": 1, "beyond": 2, "fast": 2, "experiment": 3,
          "chain": 4, "app": 5, "__main__.py": 5}
LESSONS = {"nn", "diffusion", "beyond"}
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_and_strings(path):
    """The modules that a file names in an import, at the top or in a function; every text of it."""
    modules, texts = set(), set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    return modules, texts


def imports(path):
    return imports_and_strings(path)[0]


def strings(path):
    return imports_and_strings(path)[1]


@pytest.mark.parametrize("name", scratchdiff.__all__)
def test_public_names(name):
    thing = getattr(scratchdiff, name)
    assert thing.__doc__ and getattr(scratchdiff, name) is thing
    assert name.isupper() or thing.__module__.startswith("scratchdiff.")


def test_other_names_are_missing_as_usual():
    with pytest.raises(AttributeError, match="'scratchdiff' has no attribute 'Transformer'"):
        scratchdiff.Transformer
    with pytest.raises(ImportError):
        from scratchdiff import Transformer  # noqa: F401


def test_help_is_a_first_page():
    page = pydoc.render_doc(scratchdiff, renderer=pydoc.plaintext)
    assert all(name in page and name in dir(scratchdiff) for name in scratchdiff.__all__)
    order = ["reference.py", "layers.py", "schedule.py", "beyond/", "chain/"]
    places = [page.index(name) for name in order]
    assert places == sorted(places)


def test_importing_the_package_alone_costs_nothing():
    code = "import sys, scratchdiff; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "False\n"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_run_downwards_and_need_nothing_but_numpy(path):
    room = path.relative_to(PACKAGE).parts[0]
    here = FLOORS.get(room, -1)         # reference.py and __init__.py import nothing of ours
    for module in imports(path):
        first, *rest = module.split(".")
        assert first in {"scratchdiff", "numpy"} | set(sys.stdlib_module_names), module
        if first != "scratchdiff" or not rest or rest[0] not in FLOORS:
            continue
        assert FLOORS[rest[0]] <= here, f"{path.name} imports {module}: upwards"
        assert room not in LESSONS or rest[0] != "fast", f"{path.name}, a lesson, imports {module}"


def test_no_import_circle():
    """Every file can be taken away in turn, once all that it imports is gone.

    Imports in functions count, and so does a module's name in a text, which import_module may be
    given.
    """
    known = {module_name(path) for path in FILES if path.stem != "__init__"}
    waiting = {module_name(path): {*imports(path), *strings(path)} & known for path in FILES}
    assert "scratchdiff.nn.layers" in waiting["scratchdiff.nn.network"], "at the top"
    assert "scratchdiff.nn.layers" in waiting["scratchdiff.experiment.recipe"], "in a function"
    assert "scratchdiff.app.check" in waiting["scratchdiff.app.arguments"], "in a text"
    while free := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert not waiting, f"a circle among {sorted(waiting)}"


def test_the_reference_imports_nothing_but_four_functions_of_mathematics():
    functions = {"math.cos", "math.exp", "math.sin", "math.sqrt"}
    assert imports(PACKAGE / "reference.py") == {"math"} | functions


def test_every_file_is_imported_by_another():
    """Or named, as a command's module is in the table of commands, or the home of a public name."""
    used = {f"scratchdiff.{home}" for home in scratchdiff._MODULE.values()}
    for path in FILES:
        used.update(imports(path), strings(path))
    for path in FILES:
        name = module_name(path)
        assert name in used or path.stem in ("__init__", "__main__"), f"nothing imports {name}"


def test_every_file_and_every_public_thing_has_a_docstring():
    for path in FILES:
        tree = parsed(path)
        assert ast.get_docstring(tree) or path.stem == "__main__", path
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_no_line_is_too_long_for_a_slide():
    long = [f"{path.relative_to(ROOT)} line {number}"
            for path in FILES + sorted((ROOT / "tests").glob("*.py"))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if len(line) > 100]
    assert not long, f"longer than 100 columns: {', '.join(long)}"


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "__init__"
                                  and path.relative_to(PACKAGE).parts[0] in LESSONS],
                         ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_lesson_gets_to_the_point(path):
    """After the docstring and the imports, the first statement stands on line 40 at the latest."""
    tree = parsed(path)
    first = next(node for node in tree.body[1:]
                 if not isinstance(node, (ast.Import, ast.ImportFrom)))
    assert first.lineno <= 40


@pytest.mark.parametrize("name", ["nn/layers.py", "nn/loss.py", "diffusion/schedule.py"])
def test_guards_are_few(name):
    """At most 12 % of the lines of code are guards: calls of expect..., and ifs that raise."""
    tree = parsed(PACKAGE / name)
    code, guards = set(), set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or isinstance(node, ast.Expr) and isinstance(
                node.value, ast.Constant):
            continue
        last = node.lineno if hasattr(node, "body") else node.end_lineno
        code |= set(range(node.lineno, last + 1))
        called = getattr(getattr(node, "value", None), "func", None)
        raises = isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise)
        if raises or getattr(called, "id", "").startswith("expect"):
            guards |= set(range(node.lineno, node.end_lineno + 1))
    assert len(guards) <= 0.12 * len(code), f"{len(guards)} of {len(code)} lines"
