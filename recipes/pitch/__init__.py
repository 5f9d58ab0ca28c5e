"""Pitch from real recordings: a small network learns from CREPE what it hears."""
