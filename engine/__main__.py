"""`python -m engine`."""

from engine.cli.command import main

main()
