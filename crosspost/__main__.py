"""``python -m crosspost`` is ``crosspost``."""

from crosspost.cli import main

if __name__ == "__main__":
    main()
