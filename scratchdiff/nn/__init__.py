"""Lesson 1: backpropagation. A neural network whose derivatives are written by hand.

layers    Linear, ReLU, SiLU: forward, backward, and how one follows from the other
loss      the mean squared error: the last layer, whose output is a single number
network   layers in a row, over one flat vector of parameters; the MLP is the usual row
adam      the optimiser
rates     smaller steps for wide layers
waves     more inputs, for fine detail
lora      a small correction beside a frozen layer
gradcheck every derivative against finite differences
expect    what a layer says when it is called with the wrong thing
free      0 and 1 that cost nothing
checker/  what gradcheck needs for every odd layer that people bring; not a lesson
"""
