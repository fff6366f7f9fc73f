"""Trends: what the sweeps of a site, or of many, say over time, and what they do not."""
