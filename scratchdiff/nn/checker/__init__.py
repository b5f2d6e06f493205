"""How gradcheck.py judges doubtful cases, and layers of every kind that people bring.

This is not a lesson. You can understand backpropagation without it.

subject     the layer under test: what goes in, what comes out, which gradients backward leaves
parameters  where a layer of yours may keep its arrays and their gradients
doubt       whether a finite difference can be trusted
ladder      the best finite difference of many, and how far off it may be
verdict     what the check says, in words
"""
