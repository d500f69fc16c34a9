class ModelLoadError(Exception):
    """The model cannot be found, read or run; the text says what to do."""
