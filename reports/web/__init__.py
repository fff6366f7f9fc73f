"""The web application: the same numbers as the files, for people in a browser."""
