"""Lesson 3: from the circle to Stable Diffusion, one idea a file.

few_steps     walk back in ten steps instead of fifty: DDIM, DPM-Solver++
density       the walk as a map: how likely a point is
distillation  a student that needs one step
prompts       words that tell the denoiser what to make
guidance      steer harder than the prompt alone
latent/       a clock that shows the time you ask for: all of it together
"""
