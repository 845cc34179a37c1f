"""Imaging: what a file says of itself, its smaller JPEGs, and the picture a labeller sees."""
