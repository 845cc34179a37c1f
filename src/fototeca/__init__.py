"""Fototeca: a photo archive that labels every photo and gives photos back by label."""

__version__ = "0.1.0"
