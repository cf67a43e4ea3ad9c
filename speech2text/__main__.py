"""`python -m speech2text`, and `torchrun -m speech2text`: the commands."""

from speech2text.cli.app import main

main()
