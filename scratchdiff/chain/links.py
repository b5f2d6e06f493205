"""The table of all links: a claim, the function that measures its error, and the error allowed.

The links stand in groups. A link rests on the groups above it. The docstring of each function says
how it measures, and the comments here say why each bound is what it is.
"""
from scratchdiff.chain import backprop, batches, diffusion, few_steps, latent, lora, prompts
from scratchdiff.chain.link import PATH, ROUNDING, Link
from scratchdiff.nn.gradcheck import TOLERANCE

# Central differences over 1e-4 noise widths are wrong by about 1e-8, the square of the step.
DIFFERENCES = 1e-6
# In standard errors. By chance, a single Gaussian figure exceeds 5 with one seed in 1.7 million. A
# link reports the worst of its figures, and the worst exceeds 5 more often: with one seed in 10,000
# for the 64 figures of `batches_are_fair`, some of which have heavier tails than a Gaussian, and
# one in 33,000 for the 50 of `levels_are_weighted`. The worst of the 64 is usually between 2 and
# 3.3. Seed 0 gives 4.0, as one seed in a hundred does.
CHANCE = 5

LINKS = [
    # Lesson 1, backpropagation
    [Link("the reference's gradients = finite differences", backprop.reference_gradients,
          TOLERANCE),
     Link("alpha_bars = the reference's, at every level", diffusion.schedule_is_reference,
          ROUNDING)],
    [Link("every layer's gradients = finite differences", backprop.layer_gradients, TOLERANCE),
     Link("the network's gradients = the reference's", backprop.network_is_reference, ROUNDING)],
    [Link("20 steps of Adam = 20 of the reference's Adam", backprop.adam_is_reference, ROUNDING),
     # Adam's eps makes the shortest step too short by 1e-6.
     Link("a steady gradient: each step has length lr", backprop.adam_step_length, 2e-6),
     Link("wide layers learn at the rate 32 / d_in", backprop.rates_fall_with_width, ROUNDING)],

    # Lesson 2, diffusion
    [Link("if the network is right, so is the guess", diffusion.guess_is_exact, ROUNDING),
     Link("noisy points = the reference's, at every level", diffusion.noise_is_reference, ROUNDING),
     Link("training batches are fair (in standard errors)", batches.batches_are_fair, CHANCE),
     Link("levels are drawn and weighted as they should", batches.levels_are_weighted, CHANCE)],
    [Link("the perfect score = differences of log p", diffusion.score_is_gradient,
          DIFFERENCES),
     Link("the floor = the measured loss (standard errors)", diffusion.floor_is_loss, CHANCE)],
    [Link("a reverse step = the posterior, on a grid", diffusion.step_is_posterior, PATH),
     Link("the sampler = the reference's, point by point", diffusion.sampler_is_reference, PATH),
     Link("the fast sampler = the plain walk", diffusion.blocks_are_the_walk, PATH),
     # Even perfect guesses miss the circle by 5e-5, because the walk takes only fifty steps.
     Link("perfect guesses lead to the circle", diffusion.perfect_radius, 1e-3)],
    # Ten seeds stay below these two bounds.
    [Link("a trained network's loss - the floor", diffusion.network_excess, 0.006),
     Link("its points: root mean square of radius - 1", diffusion.network_radius, 0.017)],

    # Lesson 3, beyond
    [Link("ddim with fresh noise = a reverse step", few_steps.ddim_is_reverse_step, ROUNDING),
     Link("ddim with the true noise = add_noise", few_steps.ddim_keeps_the_noise, ROUNDING),
     Link("dpm with only one guess = ddim", few_steps.dpm_with_one_guess_is_ddim, ROUNDING),
     # Between 50 and 100 steps, the order is only nearly 1 or 2. A mistake lowers it by 1.
     Link("the error falls by order 1 (ddim) and 2 (dpm)", few_steps.walks_have_their_order, 0.05),
     Link("a student told its targets = its teacher's walk",
          few_steps.students_walk_is_the_teachers, PATH),
     Link("the walk's density = the perfect one (in bits)", few_steps.density_is_perfect, 0.01),
     # Ten seeds stay below this bound.
     Link("a student's one step: rms of radius - 1", few_steps.student_radius, 0.015)],
    [Link("new adapters change nothing", lora.new_adapters_change_nothing, ROUNDING),
     Link("adapters merged into W = adapters beside W", lora.merged_is_the_same, ROUNDING),
     # Not one bit may change.
     Link("training adapters leaves W and b as they were", lora.training_keeps_the_base, 0)],
    [Link("prompts: a Linear = the reference's table", prompts.prompts_are_a_table, ROUNDING),
     Link("prompts are dropped fairly (in standard errors)", prompts.prompts_are_dropped, CHANCE),
     Link("guidance = its formula; w = 0, -1 bit for bit", prompts.guidance_is_its_formula,
          ROUNDING),
     Link("the guided score = differences of log p", prompts.guidance_is_gradient,
          DIFFERENCES)],
    # The clocks drawn are up to 0.4 minutes off a whole minute. More than 0.5 is a wrong minute.
    [Link("a drawn clock is read to the nearest minute", latent.clocks_are_read, 0.5),
     Link("a standardised code gives the same pictures", latent.standard_code_is_the_code,
          ROUNDING),
     # From one minute to the next, a picture changes by 0.07. So the hour asked for is clear.
     Link("a small clock: its pictures = those asked for", latent.hours_are_painted, 0.06)],
]
