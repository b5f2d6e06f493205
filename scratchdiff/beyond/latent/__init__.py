"""Latent diffusion, on a task so small that you can check the result: the clock.

Latent means hidden: a code of six numbers is what hides behind the 256 pixels of a picture.

clock        draw a clock that shows a time, and read it back
words        the time in words, as people say it
autoencoder  turn a picture into a code of six numbers, and back
diffusion    from words and noise to a code, and from the code to a picture
student      the same in a single step
"""
