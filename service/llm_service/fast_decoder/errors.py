class UnsupportedDecoderError(Exception):
    """The fast decoder does not compute what this model computes."""
