"""The land as files: a workspace read, placed, measured, mended and harmonised into frames."""
