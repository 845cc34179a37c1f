"""Bundles: a frozen selection and its archive, computed from rows and never written."""
