"""`python -m cli` is `parley`."""

from cli import main

main(prog_name="parley")
