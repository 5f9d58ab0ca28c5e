"""The recipe of a user whose network, data and loss are their own."""

RECIPE = """
name = "own"
[data]
source = "own_parts:data"
[loss]
function = "own_parts:loss"
[teacher]
model = "own_parts:teacher"
arguments = { width = 32 }
train = { epochs = 3, batch = 32, learning_rate = 0.02 }
[student]
model = "own_parts:student"
train = { epochs = 3, batch = 32, learning_rate = 0.02 }
distil = { temperature = 2.0, alpha = 0.5 }
[prune]
sparsity = 0.6
every = 4
train = { epochs = 2, batch = 32, learning_rate = 0.01, ema = 0.9 }
[quantize]
train = { epochs = 1, batch = 32, learning_rate = 0.002 }
[measure]
batches = [1]
threads = [1]
seconds = 0.1
"""
