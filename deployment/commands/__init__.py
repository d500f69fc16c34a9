"""The commands of generate.py, a module each; each registers itself in command_line.py."""
