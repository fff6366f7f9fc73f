"""The real program in a folder of its own, as the tests of the commands have it."""

from tests.cli.conftest import bare, program

__all__ = ["bare", "program"]
