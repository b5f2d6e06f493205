"""What gradcheck.py needs to be right about every layer that people bring.

It is not a lesson: you can understand backpropagation without it.

ladder      the best finite difference, and how far it may be off
subject     the layer under test: what goes in, what comes out, which gradients it leaves
parameters  where a layer of yours may keep its arrays and their gradients
verdict     what the check says, in words
"""
