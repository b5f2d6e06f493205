"""Lesson 2: diffusion. Destroy points with noise, learn to guess the noise, walk back.

schedule  how much noise there is at each level
denoiser  the network's guess at the noise in a noisy point
training  the loop that teaches the network
levels    which noise levels training draws, and how much each level counts
sampling  the walk back, from noise to points
"""
