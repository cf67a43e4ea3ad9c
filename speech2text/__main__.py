"""`python -m speech2text`, and `torchrun -m speech2text`: the commands."""

from speech2text.cli.app import main

if __name__ == "__main__":
    main()
