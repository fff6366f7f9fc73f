"""The command line: what is asked, and what the terminal says."""
