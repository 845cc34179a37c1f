"""The web server: the HTTP API, and the built-in page that uses it."""
