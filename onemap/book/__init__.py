"""The book: `layers/` read into frozen types, every row checked and dated."""
