"""`python -m cli` is `parley`."""

from cli import main

if __name__ == "__main__":  # not where a process of its own is begun
    main(prog_name="parley")
