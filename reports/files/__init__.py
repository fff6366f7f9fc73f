"""A sweep as one file: for a meeting, for an office's spreadsheet, for programs."""
