"""Configuration: composes the rooms' Settings, loads all YAML with line numbers, redacts secrets."""
