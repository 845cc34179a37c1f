"""Measurements: each prints this project, its peers and the physical limit of one run as ratios."""
