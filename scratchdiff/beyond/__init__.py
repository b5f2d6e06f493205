"""Lesson 3: from the circle to Stable Diffusion, one idea a file.

few_steps     walk back in ten steps instead of fifty: DDIM, DPM-Solver++
distillation  train a student that needs only one step
density       how likely a point is: the walk as a map
prompts       words that tell the denoiser what to make
guidance      follow a prompt more closely
latent/       all of it together: ask for a time, get a picture of a clock

These files speak of the perfect denoiser and of the score: read measure/exact.py first. LoRA
belongs to this lesson too. It is a kind of layer, so it is in nn/lora.py.
"""
