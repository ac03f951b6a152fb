"""`python -m datong` is `datong`."""

from datong.cli import main

main()
