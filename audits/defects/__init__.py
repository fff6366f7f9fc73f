"""Defects: one fault wherever it shows, from the sweep that found it to the one that saw it gone, and back."""
