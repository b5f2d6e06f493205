"""chain/prompts.py: each mistake with prompts turns its own link red, and is named."""
import pytest

from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.prompts import Vocabulary, drop_prompts
from scratchdiff.chain import prompts
from scratchdiff.chain.prompts import (guidance_is_gradient, guidance_is_its_formula,
                                       prompts_are_a_table, prompts_are_dropped)
from scratchdiff.experiment.data import Data
from scratchdiff.fast.batches import noisy
from scratchdiff.reference import embedding, embedding_backward
from tests.planted import MEASURES, require_red

# name: (the link that turns red, what is named under it, [(in what, right, wrong), ...])
FAULTS = {
    "a word's place forgotten": (prompts_are_a_table, "for 6 words in their places",
        [(Vocabulary, "for prompt in prompts for key in enumerate(prompt.split())",
          "for prompt in prompts for key in ((0, word) for word in prompt.split())"),
         (Vocabulary, "for key in enumerate(prompt.split()):",
          "for key in ((0, word) for word in prompt.split()):")]),
    "the next word's column": (prompts_are_a_table, " past ",
        [(Vocabulary, "row[self.column_of[key]] = 1", "row[self.column_of[key] - 1] = 1")]),
    "a prompt's first word only": (prompts_are_a_table, " past ",
        [(Vocabulary, "for key in enumerate(prompt.split()):",
          "for key in [*enumerate(prompt.split())][:1]:")]),
    "the reference adds to the next word's vector": (prompts_are_a_table, "of the table",
        [(embedding_backward, "dtable[place, word][j] +=", "dtable[max(dtable)][j] +=")]),
    "the reference forgets the first word": (prompts_are_a_table, '"noon"',
        [(embedding, "for place, word in enumerate(prompt.split()):",
          "for place, word in [*enumerate(prompt.split())][1:]:")]),
    "the dropped prompt not dropped": (prompts_are_dropped, "the share of dropped prompts",
        [(drop_prompts, ">= share", ">= 0")]),
    "the others dropped": (prompts_are_dropped, "the share of dropped prompts",
        [(drop_prompts, ">= share", "< share")]),
    "each word dropped by itself": (prompts_are_dropped, "prompts that are not dropped",
        [(drop_prompts, "(len(c), 1)", "c.shape")]),
    "many points dropped at once": (prompts_are_dropped, "the dropped prompts of a batch",
        [(drop_prompts, "rng.random((len(c), 1))",
          "rng.random((len(c) // 32, 1)).repeat(32, axis=0)")]),
    "another prompt for the mirror image": (prompts_are_dropped, "the prompts of a pair",
        [(noisy, "*zip(c, c)", "*((a, a[:, ::-1]) for a in c)")]),
    "another point's prompt": (prompts_are_dropped, "prompts that are not dropped",
        [(Data, "rows(self.labels)[k]", "rows(self.labels)[k - 1]")]),
    "w's sign, before the prompt": (guidance_is_its_formula, "w = 1.5",
        [(Guided, "(1 + self.w) * ", "(1 - self.w) * ")]),
    "w's sign, before no prompt": (guidance_is_its_formula, "w = 1.5",
        [(Guided, "- self.w * without", "+ self.w * without")]),
    "w counted from 1": (guidance_is_its_formula, "w = 1.5",
        [(Guided, "(1 + self.w) * self.denoiser(xt, t, c) - self.w * without",
          "self.w * self.denoiser(xt, t, c) + (1 - self.w) * without")]),
    "w = 0 without the prompt": (guidance_is_its_formula, "w = 0",
        [(Guided, "if self.w == 0:\n            return self.denoiser(xt, t, c)",
          "if self.w == 0:\n            return self.denoiser(xt, t, 0 * c)")]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_with_prompts(name, monkeypatch, capsys):
    require_red(FAULTS[name], prompts_are_a_table, monkeypatch, capsys)


def test_the_density_finds_a_wrong_sign_by_itself(monkeypatch, capsys):
    _, _, edits = FAULTS["w's sign, before no prompt"]
    require_red((guidance_is_gradient, "level ", edits), guidance_is_gradient, monkeypatch, capsys)


def test_every_link_of_prompts_can_turn_red():
    red = {measure for measure, _, _ in FAULTS.values()} | {guidance_is_gradient}
    assert red == {measure for measure in MEASURES if measure.__module__ == prompts.__name__}
