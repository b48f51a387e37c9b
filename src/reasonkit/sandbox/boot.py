"""The first lines of the zygote: run by path in a bare interpreter (`python -I -S`), with nothing to import from yet.

Usage: boot.py FOLDER CHANNEL PACKAGES..., where FOLDER holds the `reasonkit` package, in a checkout or a wheel alike, and
CHANNEL is the descriptor of the channel to the host (`-`: standard
input and output, for one program only),
and PACKAGES are the folders of third-party packages. The packages `reasonkit` and `reasonkit.sandbox` are entered as empty shells, so
that their own `__init__` files, which are faces for callers, are never run here.
"""

import sys
from types import ModuleType


def main() -> None:
    """Enter the shells and serve."""
    folder, channel = sys.argv[1:3]
    sys.path += sys.argv[3:]
    for name in ("reasonkit", "reasonkit.sandbox"):
        shell = ModuleType(name)
        shell.__path__ = [f"{folder}/{name.replace('.', '/')}"]
        sys.modules[name] = shell
    if channel == "-":
        from reasonkit.sandbox.single import serve_once

        serve_once()
    else:
        from reasonkit.sandbox.zygote import serve

        serve(int(channel))


if __name__ == "__main__":
    main()
