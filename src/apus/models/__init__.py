"""Single-file networks of the recipes."""
