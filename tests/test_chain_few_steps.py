"""chain/few_steps.py: planted faults turn its links red by name, as in test_faults.py."""
import pytest

from scratchdiff.beyond.density import eps_hat_and_slopes, log_density
from scratchdiff.beyond.distillation import stretches, student_pairs, student_schedule
from scratchdiff.beyond.few_steps import ddim, ddim_step, dpm, signal_and_noise
from scratchdiff.chain import few_steps
from scratchdiff.chain.few_steps import (ddim_is_reverse_step, ddim_keeps_the_noise,
                                         density_is_perfect, dpm_with_one_guess_is_ddim,
                                         student_radius, students_walk_is_the_teachers,
                                         walks_have_their_order)
from scratchdiff.chain.trained import trained
from scratchdiff.experiment.model import Model
from tests.planted import MEASURES, first_red, require_red

# name: (the link that turns red, what is named under it, [(in what, right, wrong), ...])
WALKS = {
    "a level off by one": (ddim_is_reverse_step, "from level ",
        [(signal_and_noise, "schedule.alpha_bars[t]", "schedule.alpha_bars[max(t - 1, 0)]")]),
    "eta's sign": (ddim_is_reverse_step, "from level ",
        [(ddim_step, "s_to ** 2 - sigma ** 2", "s_to ** 2 + sigma ** 2")]),
    "sigma's sign": (ddim_is_reverse_step, "from level ",
        [(ddim_step, "sigma = eta * s_to", "sigma = -eta * s_to")]),
    "eta squared: no fresh noise less than all": (ddim_is_reverse_step, "from level ",
        [(ddim_step, "sqrt(1 - a ** 2 / a_to ** 2)", "(1 - a ** 2 / a_to ** 2)")]),
    "without eta, noise is lost": (ddim_keeps_the_noise, "from level ",
        [(ddim_step, "if eta else 0.0", "if eta else 0.1 * s_to")]),
    "ddim asks at the level where it is going": (dpm_with_one_guess_is_ddim, "on the levels [",
        [(ddim, "denoiser(x, t)", "denoiser(x, max(to, 0))")]),
    "dpm asks one level below": (dpm_with_one_guess_is_ddim, "on the levels [",
        [(dpm, "denoiser(x, t)", "denoiser(x, max(t - 1, 0))")]),
    "a line through two guesses, to the clean point": (dpm_with_one_guess_is_ddim,
        "ZeroDivisionError", [(dpm, " and to >= 0", "")]),
    "the last two guesses swapped": (walks_have_their_order, "dpm: its order is ",
        [(dpm, "x0_mid = x0_hat + (u_to", "x0_mid = x0_hat_before + (u_to")]),
    "the slope's sign": (walks_have_their_order, "dpm: its order is ",
        [(dpm, "/ (u - u_before)\n            u", "/ (u_before - u)\n            u")]),
    "the line's end, not its middle": (walks_have_their_order, "dpm: its order is ",
        [(dpm, "- u) / 2 * slope", "- u) * slope")]),
    "the first guess is kept for good": (walks_have_their_order, "dpm: its order is ",
        [(dpm, "before = x0_hat, u\n", "before = before or (x0_hat, u)\n")]),
}

DENSITY = {
    "a step of Euler, not of Heun": (density_is_perfect, "the ",
        [(log_density, "(here + there) / 2", "here")]),
    "the determinant's sign": (density_is_perfect, "the ",
        [(log_density, "log_normal + log_det", "log_normal - log_det")]),
    "tangents that stand still": (density_is_perfect, "the ",
        [(eps_hat_and_slopes, "[np.einsum(", "[0 * np.einsum(")]),
}

STUDENTS = {
    "a target from the wrong level": (students_walk_is_the_teachers, "after step ",
        [(student_pairs, "pairs[::-1]", "pairs")]),
    "a target to the next stretch's start": (students_walk_is_the_teachers, "after step ",
        [(student_pairs, "ends[1:]", "[*ends[2:], ends[-1]]")]),
    "a target for noise of the other sign": (students_walk_is_the_teachers, "after step ",
        [(student_pairs, "(x_to - x_part) / eps_factor", "(x_part - x_to) / eps_factor")]),
    "a student's levels from where its steps end": (students_walk_is_the_teachers, "after step ",
        [(student_schedule, "begins[::-1]", "[0, *begins[:0:-1]]")]),
    "stretches that are too short": (students_walk_is_the_teachers, "after step ",
        [(stretches, "few_levels(schedule, K * steps_each)[::steps_each]",
          "[*few_levels(schedule, K * steps_each)[:-1:steps_each], 0]")]),
}


@pytest.fixture(scope="module", autouse=True)
def trained_without_a_fault():
    trained()


@pytest.mark.parametrize("name", WALKS)
def test_a_fault_in_few_steps(name, monkeypatch, capsys):
    require_red(WALKS[name], ddim_is_reverse_step, monkeypatch, capsys)


@pytest.mark.parametrize("name", DENSITY)
def test_a_fault_in_the_density(name, monkeypatch, capsys):
    """No link before these looks at it."""
    require_red(DENSITY[name], density_is_perfect, monkeypatch, capsys)


@pytest.mark.parametrize("name", STUDENTS)
def test_a_fault_in_a_student(name, monkeypatch, capsys):
    """No link before these has one."""
    require_red(STUDENTS[name], STUDENTS[name][0], monkeypatch, capsys)


def test_a_student_that_has_learned_nothing(monkeypatch, capsys):
    monkeypatch.setattr(Model, "train", lambda model: iter(()))
    red, _ = first_red(student_radius, capsys)
    assert red is student_radius


def test_every_link_can_turn_red():
    """A student's radius does in the test above."""
    red = {measure for table in (WALKS, DENSITY, STUDENTS) for measure, _, _ in table.values()}
    ours = {measure for measure in MEASURES if measure.__module__ == few_steps.__name__}
    assert red | {student_radius} == ours
