"""``python -m onemap.cli``."""

from onemap.cli import main

if __name__ == "__main__":
    main()
