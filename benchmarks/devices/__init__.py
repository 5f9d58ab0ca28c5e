"""`make bench-devices`: the same training script on each device that this machine has, and what the runtime costs."""
