"""chain/ and app/check.py: every link holds, and what is printed. For faults: test_faults.py."""
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from scratchdiff.app import check
from scratchdiff.app.cli import main
from scratchdiff.chain import backprop, diffusion, lora
from scratchdiff.chain.blame import in_a_line
from scratchdiff.chain.layers import LAYERS, WIDTHS, layer_reports, small_mlp
from scratchdiff.chain.link import Link, Measured, distance, first, slopes, worst
from scratchdiff.chain.links import LINKS
from scratchdiff.nn.layers import ACTIVATIONS, Linear, ReLU
from tests.planted import look_at_less, only_layers

ALL = [link for links in LINKS for link in links]
# Rounded in the same order, or not touched at all:
EXACT = {backprop.rates_fall_with_width, diffusion.schedule_is_reference,
         diffusion.noise_is_reference, diffusion.blocks_are_the_walk,
         lora.training_keeps_the_base}


def only(*measures):
    """LINKS, but of these alone, each in a group of its own."""
    return [[link] for measure in measures for link in ALL if link.measure is measure]


@pytest.mark.parametrize("link", ALL, ids=lambda link: link.measure.__name__)
def test_every_link_holds(link, measured):
    figure, where, tables = measured(link.measure)
    assert figure <= link.bound, f"{link.claim}: {figure:.1e} > {link.bound:.0e}\n{where}\n{tables}"
    assert figure > 0 or link.measure in EXACT, "exactly 0: was anything compared?"


@pytest.mark.parametrize("link", ALL, ids=lambda link: link.measure.__name__)
def test_a_claim_fits_its_column(link):
    assert 0 < len(link.claim) <= 48


def test_no_claim_is_made_twice():
    assert len({link.claim for link in ALL}) == len({link.measure for link in ALL}) == len(ALL)


# What a link is.

def test_the_worst_of_several_misses():
    assert worst({"a": 1.0, "b": 3.0, "c": 2.0}) == Measured(3.0, "b", "")
    assert worst({"a": 1.0, "b": np.nan, "c": 2.0}) == Measured(np.inf, "b", ""), "NaN is a miss"


def test_the_first_of_several_misses():
    misses = {"a": 0.0, "b": 2.0, "c": 3.0}
    assert first(misses, 2.0) == Measured(3.0, "they first differ at c")
    assert first(misses, 1.0) == Measured(3.0, "they first differ at b"), "though c misses by more"
    assert first(misses, 5.0).figure == 3.0
    assert first({"a": 0.0, "b": np.nan}, 1.0) == Measured(np.inf, "they first differ at b")


def test_a_distance_is_relative_to_the_second_array():
    assert distance(np.array([1.0, -5.0]), [2.0, -4.0]) == 0.25
    assert np.isnan(distance(np.array([np.nan, 1.0]), [2.0, -4.0]))


def test_slopes_are_central_differences():
    def f(x):
        return x[:, 0] ** 2 + 3 * x[:, 1]
    x = np.array([[1.0, 5.0], [-2.0, 0.0]])
    assert np.allclose(slopes(f, x, 0.5), [[2, 3], [-4, 3]]), "exact for a parabola, whatever h"


def test_an_error_in_a_line_does_not_blame_the_checker(monkeypatch):
    monkeypatch.setattr(ReLU, "forward", lambda self, x: "no array")
    with pytest.raises(TypeError) as caught:
        list(layer_reports("ReLU"))
    line = in_a_line(caught.value)
    assert "forward must return an array" in line and "subject.py" not in line


def test_an_error_in_a_line_names_the_layer_and_not_its_guard():
    with pytest.raises(ValueError) as caught:
        Linear(np.ones((3, 2)), np.ones(2)).forward(np.ones((4, 5)))
    line = in_a_line(caught.value)
    assert line.startswith("ValueError: x must have shape (n, 3), got (4, 5) (in Linear.forward, ")
    assert "layers.py line " in line and "expect.py" not in line


def test_a_parameter_has_the_name_that_a_reader_knows():
    mlp = small_mlp("relu")
    sizes = [array.size for layer in mlp.layers[::2] for array in (layer.W, layer.b)]
    assert mlp.widths == WIDTHS == (3, 6, 6, 2)
    assert backprop.parameter_name(mlp, 0) == "layers[0].W[0, 0]"
    assert backprop.parameter_name(mlp, 7) == "layers[0].W[1, 1]"
    assert backprop.parameter_name(mlp, sizes[0]) == "layers[0].b[0]"
    assert backprop.parameter_name(mlp, sizes[0] + sizes[1]) == "layers[2].W[0, 0]"
    assert backprop.parameter_name(mlp, len(mlp.params) - 1) == "layers[4].b[1]"


# What is printed. The whole chain stands in README.md, and is run from there.

@pytest.mark.parametrize("figure, verdict", [
    (1.0, "1.0e+00 <= 1.0e+00 pass"),
    (1.1, "1.1e+00  > 1.0e+00 FAIL"),
    (float("nan"), "nan  > 1.0e+00 FAIL"),
    (float("inf"), "inf  > 1.0e+00 FAIL"),
])
def test_a_link_holds_up_to_its_bound(figure, verdict, monkeypatch, capsys):
    measured = Measured(figure, "the place", "a table\nof two lines")
    monkeypatch.setattr(check, "LINKS", [[Link("a claim", lambda: measured, 1.0)]])
    fails = "FAIL" in verdict
    assert main(["check"]) == fails
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1  a claim ") and lines[0].endswith(verdict)
    assert lines[1:-1 - fails] == ["  the place"] * fails + ["  a table", "  of two lines"]
    assert lines[-1 - fails].startswith("THE CHAIN IS BROKEN" if fails else "every link holds")


def test_a_chain_is_printed_link_by_link_with_the_tables_of_the_layers(measured, capsys,
                                                                       monkeypatch):
    monkeypatch.setattr(check, "LINKS", [
        [replace(link, measure=partial(measured, link.measure)) for link in links]
        for links in (LINKS[2], LINKS[1])])
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if line.endswith("pass")]
    assert [line[0] for line in lines] == ["1", " ", " ", "2", " "], "a number for each group"
    assert out.splitlines()[-1] == "every link holds" and "FAIL" not in out
    assert max(map(len, out.splitlines())) <= 80
    titles = {title for name in LAYERS for title in LAYERS[name]()}
    assert {"Linear", "MLP with ReLU", "Denoiser that predicts v"} < titles
    assert all(f"  {title}: ok, " in out for title in titles)


def test_every_activation_is_a_row_of_the_table():
    assert {activation.__name__ for activation in ACTIVATIONS.values()} < set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_the_table_of_one_layer(name, capsys, monkeypatch):
    look_at_less(monkeypatch)
    assert main(["check", "--layer", name]) == 0
    out = capsys.readouterr().out
    titles = [line.split(":")[0] for line in out.splitlines() if line.endswith(": ok")]
    assert titles == list(LAYERS[name]()) and "backprop" in out


def test_a_wrong_layer_breaks_its_link_and_its_table_says_where(capsys, monkeypatch):
    look_at_less(monkeypatch)
    only_layers(monkeypatch, {"Linear", "ReLU"})
    right = Linear.backward

    def wrong(self, dy):
        dx = right(self, dy)
        self.dW *= 2
        return dx
    monkeypatch.setattr(Linear, "backward", wrong)
    assert main(["check", "--layer", "Linear"]) == 1
    assert "off by a constant factor: 2 times what it should be" in capsys.readouterr().out
    monkeypatch.setattr(check, "LINKS", LINKS[:2])
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    verdicts = [line[-4:] for line in out.splitlines() if line.endswith(("pass", "FAIL"))]
    assert verdicts == ["pass", "pass", "FAIL", "FAIL"]
    assert "  Linear: WRONG" in out and "  ReLU: ok" not in out, "only what is wrong is shown"
    assert out.splitlines()[-2].startswith("THE CHAIN IS BROKEN")


def test_an_exception_breaks_the_link_that_it_comes_from(capsys, monkeypatch):
    monkeypatch.setattr(ReLU, "backward", lambda self, dy: dy @ np.ones((7, 7)))
    links = only(backprop.network_is_reference, backprop.adam_is_reference)
    monkeypatch.setattr(check, "LINKS", links)
    assert main(["check"]) == 1
    first, second, third, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("1  the network's gradients = the reference's ")
    assert first.endswith(" ends in an error   FAIL")
    assert second.startswith("  ValueError: matmul") and " line " in second
    assert third.startswith("2  20 steps of Adam") and third.endswith("pass")
    assert main(["check", "--layer", "ReLU"]) == 1
    assert capsys.readouterr().out.startswith("ReLU: WRONG\n  ValueError: matmul")


def test_a_layer_that_raises_does_not_hide_the_others(monkeypatch):
    def raises(self, x):
        raise ZeroDivisionError("planted")
    monkeypatch.setattr(ReLU, "forward", raises)
    only_layers(monkeypatch, {"ReLU", "SiLU", "MLP"})
    figure, _, tables = backprop.layer_gradients()
    assert figure == np.inf
    assert "ReLU: WRONG\n  ZeroDivisionError: planted" in tables and "SiLU" not in tables
    assert "MLP: WRONG\n  ZeroDivisionError: planted" in tables


def test_an_error_of_another_kind_than_numbers_breaks_the_link(monkeypatch):
    def wrong(self, dy):
        dy *= self.on
        return dy
    monkeypatch.setattr(ReLU, "backward", wrong)
    only_layers(monkeypatch, {"ReLU"})
    figure, _, tables = backprop.layer_gradients()
    assert figure == np.inf and "WRONG: backward changes the dy that it is given" in tables
