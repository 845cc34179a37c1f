"""Telling the owner outside of the app: what is told, to whom, and by which service."""
