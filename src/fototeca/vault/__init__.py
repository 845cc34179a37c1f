"""The vault: where bytes are."""
