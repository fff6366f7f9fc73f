"""The same rows for programs: JSON under /api/v1."""
