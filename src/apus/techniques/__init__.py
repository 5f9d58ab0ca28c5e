"""Published techniques, one module per paper, each usable alone; none imports another."""
