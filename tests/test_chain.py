"""app/chain.py and app/check.py: every link holds; a broken one is named, and so is an exception on the way."""
import numpy as np
import pytest

from scratchdiff import chain
from scratchdiff.app import check
from scratchdiff.chain import LINKS, Link, layer_reports
from scratchdiff.app.cli import LAYERS, main
from scratchdiff.measure import exact
from scratchdiff.nn.layers import Linear, ReLU


TRAINED = [chain.sampler_is_reference, chain.network_excess, chain.network_radius]      # test_readme.py runs all of `check`
UNTRAINED = [link for links in LINKS for link in links if link.measure not in TRAINED]


def only(*functions):
    """LINKS, but of these functions alone, each in a line of its own."""
    return [[link] for function in functions for links in LINKS for link in links if link.measure is function]


@pytest.mark.parametrize("link", UNTRAINED, ids=lambda link: link.measure.__name__)
def test_every_link_holds(link):
    figure, detail = link.measure()
    assert figure <= link.bound, f"{link.claim}: {figure:.1e}, more than {link.bound:.0e}\n{detail}"
    assert figure > 0, "an error of exactly 0 would mean that nothing was compared"


@pytest.mark.parametrize("figure, shown", [(1.0, "1.0e+00 <= 1.0e+00 pass"), (1.1, "1.1e+00  > 1.0e+00 FAIL"),
                                           (float("nan"), "nan  > 1.0e+00 FAIL")])
def test_a_link_holds_up_to_its_bound(figure, shown, monkeypatch, capsys):
    monkeypatch.setattr(check, "LINKS", [[Link("a claim", lambda: (figure, "why"), 1.0)]])
    assert main(["check"]) == ("FAIL" in shown)
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("1  a claim ") and first.endswith(shown) and second == "  why"


def test_a_chain_is_printed_link_by_link_with_the_tables_of_the_layers(capsys, monkeypatch):
    """The whole of it is in README.md, and run from there."""
    monkeypatch.setattr(check, "LINKS", [LINKS[2], LINKS[1]])
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if not line.startswith("  ") or line.endswith("pass")]
    assert [line[0] for line in lines[:-1]] == ["1", "2", " "]
    assert all(line.endswith("pass") for line in lines[:-1]) and lines[-1] == "every link holds"
    assert max(map(len, out.splitlines())) <= 80 and "FAIL" not in out
    for title in ("Linear: ok", "ReLU: ok", "SiLU: ok", "MSE: ok", "MLP with ReLU: ok", "Denoiser that predicts v: ok"):
        assert title in out


@pytest.mark.parametrize("name", LAYERS)
def test_the_table_of_one_layer(name, capsys):
    assert main(["check", "--layer", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(name) and "backprop" in out and all(report.ok for report in layer_reports(name))


def test_a_wrong_layer_breaks_its_link_and_its_table_says_where(capsys, monkeypatch):
    right = Linear.backward

    def wrong(self, dy):
        dx = right(self, dy)
        self.dW *= 2
        return dx
    monkeypatch.setattr(Linear, "backward", wrong)
    assert main(["check", "--layer", "Linear"]) == 1
    assert "WRONG: off by a constant factor: 2 times what it should be" in capsys.readouterr().out
    monkeypatch.setattr(check, "LINKS", LINKS[:2])
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert [line[-4:] for line in out.splitlines() if line.endswith(("pass", "FAIL"))] == ["pass", "FAIL", "FAIL"]
    assert "  Linear: WRONG" in out and "  ReLU: ok" not in out, "only what is wrong is shown"
    assert out.splitlines()[-1].startswith("THE CHAIN IS BROKEN")


def test_the_floor_knows_a_wrong_mean_that_no_circle_would_show(monkeypatch):
    """Around a centre all points have the same square: there its weight in the softmax does not matter."""
    right = exact._mixture

    def wrong(x, q, q2, s2):
        log_p, _, spread = right(x, q, q2, s2)
        return log_p, right(x, q, 2 * q2, s2)[1], spread
    monkeypatch.setattr(exact, "_mixture", wrong)
    figure, _ = chain.floor_is_loss()
    assert figure > 10, "the bound is 4"


def test_the_sampler_is_checked_with_both_activations(monkeypatch):
    def wrong(self, x, scratch):
        np.maximum(x, 0.1, out=x)
    monkeypatch.setattr(ReLU, "inplace", wrong)
    figure, _ = chain.sampler_is_reference(count=1)
    assert figure > 1e-3, "the bound is 1e-10"


def test_an_exception_breaks_the_link_that_it_comes_from(capsys, monkeypatch):
    monkeypatch.setattr(ReLU, "backward", lambda self, dy: dy @ np.ones((7, 7)))
    monkeypatch.setattr(check, "LINKS", only(chain.network_is_reference, chain.adam_is_reference))
    assert main(["check"]) == 1
    first, second, third, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("1  the network's gradients = the reference's ") and first.endswith(" ends in an error   FAIL")
    assert "ValueError: matmul" in second and "(in <lambda>, test_chain.py line " in second
    assert third.startswith("2  20 steps of Adam") and third.endswith("pass")
    assert main(["check", "--layer", "ReLU"]) == 1
    assert capsys.readouterr().out.startswith("ReLU: WRONG\n  ValueError: matmul")


def test_an_error_of_another_kind_than_numbers_breaks_the_link(monkeypatch):
    def wrong(self, dy):
        dy *= self.on
        return dy
    monkeypatch.setattr(ReLU, "backward", wrong)
    figure, detail = chain.network_gradients()
    assert figure == np.inf and "WRONG: backward changes the dy that it is given" in detail
