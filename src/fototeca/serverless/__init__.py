"""What Lambda calls: each function's handler, thin around what every deployment does."""

TRIES = 4
"""Times that a message is received before its queue puts it aside."""
