"""`jisweep sample`: propose, edit and freeze the pages of a sweep; export the draw, and prove that it can be repeated."""

import click

from reports.cli.sampling import export, freeze, propose, verify


@click.group()
def sample() -> None:
    """Choose the pages of an explored sweep: propose, edit by hand, freeze, export, verify."""


for command in (propose, freeze, export, verify):
    sample.add_command(command)
