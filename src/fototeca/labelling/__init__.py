"""Labelling: what is seen in a photo, by a model, in words people use."""
