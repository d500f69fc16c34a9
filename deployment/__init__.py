"""Everything behind generate.py that reads files or talks to AWS."""
