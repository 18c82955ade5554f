"""Companies and what happens to them, read from TOML."""
