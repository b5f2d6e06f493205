"""What a run is: a recipe, the data, and the model that learns from them.

recipe  how to learn
data    what to learn
model   what has been learned so far
"""
