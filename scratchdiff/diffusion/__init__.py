"""Destroy points with noise, learn the noise, walk back. Knows nothing of files and terminals.

schedule  how much noise there is at each level
denoiser  the network's guess at the noise in a noisy point
training  the loop that teaches it
sampling  the reverse process: from noise to points
exact     the perfect denoiser, to measure ours against
shapes    distributions to learn
energy    how far two sets of points are apart
streams   random numbers that can be reached in any order
"""
