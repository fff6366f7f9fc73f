"""Sweeps that are due by the calendar: when, how, and what came of each time."""
