"""The package as a whole: its public names, and the direction in which its parts know each other."""
import ast
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import scratchdiff

ROOT = Path(__file__).parent.parent
FLOORS = {"nn": 0, "diffusion": 1, "measure": 1, "beyond": 2, "fast": 2, "experiment": 3, "chain": 4, "app": 5}


@pytest.mark.parametrize("name", scratchdiff.__all__)
def test_public_names(name):
    thing = getattr(scratchdiff, name)
    assert thing.__doc__ and (name == "SHAPES" or thing.__module__.startswith("scratchdiff."))
    assert getattr(scratchdiff, name) is thing


def test_other_names_are_missing_as_usual():
    with pytest.raises(AttributeError, match="module 'scratchdiff' has no attribute 'Transformer'"):
        scratchdiff.Transformer
    with pytest.raises(ImportError):
        from scratchdiff import Transformer  # noqa: F401


def test_help_is_a_first_page():
    page = pydoc.render_doc(scratchdiff, renderer=pydoc.plaintext)
    assert all(name in page and name in dir(scratchdiff) for name in scratchdiff.__all__)
    assert "in this order" in page and page.index("reference.py") < page.index("layers.py") < page.index("exact.py")


def test_importing_the_package_alone_costs_nothing():
    code = "import sys, scratchdiff; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "False\n"


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", sorted((ROOT / "scratchdiff").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_downwards_and_need_nothing_but_numpy(path):
    here = FLOORS.get(path.relative_to(ROOT / "scratchdiff").parts[0], 3)
    for module in imports(path):
        parts = module.split(".")
        assert parts[0] in {"scratchdiff", "numpy"} | set(sys.stdlib_module_names), f"{path.name} imports {module}"
        if parts[0] == "scratchdiff" and parts[1:2] and parts[1] in FLOORS:
            assert FLOORS[parts[1]] <= here, f"{path.name} imports {module}: upwards"


def test_every_file_is_imported_by_another():
    files = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in (ROOT / "scratchdiff").rglob("*.py")
             if path.stem not in ("__init__", "__main__")}
    imported = {module for path in (ROOT / "scratchdiff").rglob("*.py") for module in imports(path)}
    assert files <= imported, files - imported


def test_every_public_thing_has_a_docstring():
    for path in (ROOT / "scratchdiff").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.stem != "__main__":
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"
