"""Latent diffusion, with a task so small that one can check the result: the clock.

clock        draw a clock that shows a time, and read it back
words        the time in words, as people say it
autoencoder  a picture as a code of six numbers, and back
diffusion    words to noise to code to picture: all of Stable Diffusion's parts in a row
student      the same in a single step
"""
