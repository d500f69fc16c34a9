from __future__ import annotations


class MetadataError(Exception):
    """The instance metadata service gave an answer that must not be used."""
