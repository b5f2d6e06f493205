"""Lesson 3: from the circle to Stable Diffusion, one idea a file."""
