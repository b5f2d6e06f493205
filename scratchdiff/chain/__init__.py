"""The chain of trust: why you can believe the radius at the end of a run.

    finite differences -> the reference -> the layers, Adam, the sampler -> the radius of a run
    finite differences -> the perfect denoiser -> how good that radius could have been

The chain is made of links. A link is a claim, a way to measure how wrong the claim is, and the
largest error allowed. Finite differences come first, because they need no calculus. The links stand
in groups, and each group rests on the groups before it. `python -m scratchdiff check` measures all
of them.

links      the table of all links: start here, then look up how a link is measured
link       what a link is, and what measuring it returns
backprop   the reference, the layers, the network, Adam
batches    training batches and noise levels, which are random: the statistics of many
diffusion  noisy points, the perfect denoiser, the reverse step, the sampler, a trained network
few_steps  walks of few steps, the density, a student
lora       adapters: new ones change nothing, all merge into W, and training leaves W alone
prompts    embeddings, dropped prompts, guidance
latent     clocks: reading them, their code, a small clock model
layers     the layers whose gradients are checked, each a row of a table
twins      the reference in the form of layers, so that the same checker can test it
trained    a network trained on the spot
blame      which line of the project raised an exception
"""
