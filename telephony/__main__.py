"""`python -m telephony` is the same as the command `telephony`."""

from telephony.cli import main

main()
