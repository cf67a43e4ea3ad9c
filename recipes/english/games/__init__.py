"""The spoken lines of three adventure games, with what they say."""
