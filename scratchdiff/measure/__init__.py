"""How good could it be? The perfect denoiser, shapes to learn, and a distance between sets.

exact   the best denoiser that is possible, and the loss that no network can go below
shapes  distributions to learn
energy  how far apart two sets of points are
nearest the distance from each point to the nearest of others
"""
