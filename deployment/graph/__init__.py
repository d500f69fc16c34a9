"""A template as a picture."""
