"""The demonstration: the weekly run over a small web of written sources, all on this machine."""
