"""The chain of trust: why you can believe the radius at the end of a run.

    finite differences -> the reference -> the layers, Adam, the sampler -> the radius of a run
    finite differences -> the perfect denoiser -> how good that radius could have been

A link is a claim, how its error is measured, and how large that may be. Finite differences need no
calculus, so they come first, and each link rests on those before it. `python -m scratchdiff check`
prints them all (links.py).

link       what a link is, and what measuring it says
layers     the layers whose gradients are checked, each one row of a table
twins      the reference as layers of arrays, to be checked and compared
backprop   the reference, the layers, the network, Adam
lora       adapters: what they start from, merge into and leave alone
diffusion  noisy points, batches, the reverse step, the sampler, the perfect denoiser
prompts    embeddings, dropped prompts, guidance
few_steps  walks of few steps, the density, a student
latent     the clock: reading it, its code, a small one
trained    a network trained on the spot
links      the table of all links
"""
