"""The servers that are measured, ours and its peers, all behind one interface."""
