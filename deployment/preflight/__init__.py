"""Checks of account, region and template before the first resource is made."""
