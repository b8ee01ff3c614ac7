"""The page for a meeting: a site drawn or handed in, the answer beside it, nothing leaves the machine."""
