"""The command line as ``python -m qevd_bio``, for machines where the script is not on PATH."""

from __future__ import annotations

from qevd_bio.cli.main import main

if __name__ == "__main__":
    main()
