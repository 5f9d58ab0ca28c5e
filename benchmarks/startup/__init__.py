"""What it costs to begin: Python's share of a run, opening a model, memory."""
