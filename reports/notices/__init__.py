"""Notices: people are told of what happens while nobody looks."""
