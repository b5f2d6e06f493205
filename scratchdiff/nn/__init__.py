"""A neural network whose derivatives are written by hand. Knows nothing of diffusion.

layers    Linear, ReLU, SiLU: each one's forward pass, backward pass and the derivation of the one from the other
mlp       layers in a row, over one flat vector of parameters
loss      mean squared error: the last layer, whose output is a single number
adam      the optimiser
gradcheck every derivative of the above against finite differences
inference the forward pass alone, faster
expect    what a layer says when it is called with the wrong thing
"""
