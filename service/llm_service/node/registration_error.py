from __future__ import annotations


class RegistrationError(Exception):
    """Cloud Map accepted a change of the registration and then did not carry it out."""
