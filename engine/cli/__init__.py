"""Wing."""

from engine.cli.command import main, parser, run

__all__ = ["main", "parser", "run"]
