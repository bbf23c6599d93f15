"""`python -m netmon`: the command, for where the script is not on the path."""

from netmon.cli import main

if __name__ == "__main__":
    main()
