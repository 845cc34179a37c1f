"""What Lambda calls: each function's handler, thin around what every deployment does."""

RECEIVES = 10
"""Times that a message is received before its queue puts it aside.

AWS asks for 5 and more: a batch that finds Lambda busy counts, too.
"""
