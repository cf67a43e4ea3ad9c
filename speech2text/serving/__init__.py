"""The local service of `speech2text serve`: HTTP and WebSocket before one recogniser. Needs the extra [serve]."""
