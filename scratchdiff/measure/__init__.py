"""How good could it be? The perfect denoiser, distributions to learn, and how far apart two sets of points are.

exact   the best denoiser that is possible, and the loss that no network can go below
shapes  distributions to learn
energy  how far apart two sets of points are
"""
