"""A diffusion model of points, written from scratch in NumPy, with every derivative by hand.
"""
