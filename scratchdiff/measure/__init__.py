"""How good could it be? The perfect denoiser, shapes to learn, and a distance between sets.

exact           the best possible denoiser, and the loss that no network can go below
shapes          distributions to learn
energy          how far apart two sets of points are
nearest         how far each point is from the nearest point of another set
neighbourhoods  makes exact faster; you can understand exact without it
"""
