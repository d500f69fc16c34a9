"""Least privilege, tested: what a template's roles may do, without AWS."""
