"""The catalog: what we know of photos, labels, bundles and accounts."""
