"""Finds the command that was asked for, loads its module only, and tells mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import typer
from typer.core import TyperGroup
from typer.main import get_group

from onemap.cli import COMMANDS
from onemap.cli.words import t
from onemap.errors import InputError


class Modules(Mapping):
    """The commands by name, each loaded with its module when it is asked for."""

    def __getitem__(self, name):
        return get_group(import_module(f"onemap.cli.{COMMANDS[name]}").app).commands[name]

    def __iter__(self):
        return iter(COMMANDS)

    def __len__(self):
        return len(COMMANDS)


class Commands(TyperGroup):
    """The commands of all modules, in the order of the work."""

    def __init__(self, **how):
        super().__init__(**how | {"commands": Modules()})

    def list_commands(self, ctx):
        return list(self.commands)


app = typer.Typer(
    cls=Commands, help=t("app"), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.callback()(lambda: None)


def run() -> int:
    """Run the words of this process' command line; returns the exit code for bad input."""
    try:
        app()
    except InputError as error:
        typer.echo(t("bad_input", error=error), err=True)
        return 2
    return 0
