"""All the links of the chain of trust, in groups: what a link rests on stands above it.

Why these bounds. Rounding is about 1e-16 for each operation; 1e-12 and 1e-10 leave room for many of
them. 1e-6 is for differences over 1e-4 noise widths, whose truncation error is about 1e-8. 2e-6 is
twice what Adam's eps adds. Chance is more than 4 standard errors off once in 16,000 times, and
more than 5 once in 2 million. 1e-3 is twenty times what the 50 steps cost. An order is off by 0.05
at most, since 100 steps are not yet infinitely many; a mistake makes it 1 instead of 2, or 0. Each
of ten seeds keeps the bounds of group 8. A bound of 0 means that no bit may change.
"""
from scratchdiff.chain import backprop, diffusion, few_steps, lora, prompts
from scratchdiff.chain.link import Link
from scratchdiff.nn.gradcheck import TOLERANCE

LINKS = [
    [Link("the reference's gradients = finite differences", backprop.reference_gradients,
          TOLERANCE),
     Link("alpha_bars = the reference's, at every level", diffusion.schedule_is_reference, 1e-12)],
    [Link("every layer's gradients = finite differences", backprop.network_gradients, TOLERANCE),
     Link("the network's gradients = the reference's", backprop.network_is_reference, 1e-12)],
    [Link("20 steps of Adam = 20 of the reference's Adam", backprop.adam_is_reference, 1e-12),
     Link("a steady gradient: each step has length lr", backprop.adam_step_length, 2e-6)],
    [Link("a network that is right: the guess is the noise", diffusion.guess_is_exact, 1e-12),
     Link("noisy points = the reference's, at every level", diffusion.noise_is_reference, 1e-12),
     Link("training batches: chance (in standard errors)", diffusion.batches_are_fair, 5)],
    [Link("the perfect denoiser = its density's differences", diffusion.score_is_gradient, 1e-6),
     Link("the floor = its loss (in standard errors)", diffusion.floor_is_loss, 4)],
    [Link("a reverse step = the posterior, on a grid", diffusion.step_is_posterior, 1e-10),
     Link("the sampler = the reference's, point by point", diffusion.sampler_is_reference, 1e-10),
     Link("the fast sampler = the plain walk", diffusion.blocks_are_the_walk, 1e-10),
     Link("with the perfect denoiser: error of the radius", diffusion.perfect_radius, 1e-3)],
    [Link("ddim with fresh noise = a reverse step", few_steps.ddim_is_reverse_step, 1e-12),
     Link("ddim with the true noise = add_noise", few_steps.ddim_keeps_the_noise, 1e-12),
     Link("dpm with only one guess = ddim", few_steps.dpm_with_one_guess_is_ddim, 1e-12),
     Link("the error falls by order 1 (ddim) and 2 (dpm)", few_steps.walks_have_their_order, 0.05),
     Link("told its targets, a student walks as its teacher",
          few_steps.students_walk_is_the_teachers, 1e-10),
     Link("the walk's density = the perfect one (in bits)", few_steps.density_is_perfect, 0.01)],
    [Link("a new network's loss, above the floor", diffusion.network_excess, 0.006),
     Link("its points: root mean square of radius - 1", diffusion.network_radius, 0.017),
     Link("its student's points, made in one step: the same", few_steps.student_radius, 0.015)],
    [Link("LoRA's outputs and gradients = the reference's", lora.layer_is_reference, 1e-12),
     Link("new adapters change nothing", lora.new_adapters_change_nothing, 1e-12),
     Link("adapters merged into W = adapters beside W", lora.merged_is_the_same, 1e-12),
     Link("training adapters leaves W and b as they were", lora.training_keeps_the_base, 0)],
    [Link("prompts: a Linear = the reference's table", prompts.prompts_are_a_table, 1e-12),
     Link("dropped prompts: chance (in standard errors)", prompts.prompts_are_dropped, 5),
     Link("guidance: the formula; w = 0, -1 bit for bit", prompts.guidance_is_its_formula, 1e-12),
     Link("guided, perfect = its density's differences", prompts.guidance_is_gradient, 1e-6)],
]
