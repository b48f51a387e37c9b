"""`python -m reasonkit`."""

from reasonkit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
