"""The commands, one a file: each parses its arguments, calls the library, and prints."""
