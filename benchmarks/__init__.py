"""Measured side by side: whole processes on the same files, CPU seconds, loading included.

``python -m benchmarks.union --size S`` merges six layers; ``python -m benchmarks.sites --size S`` measures sites
against them. Both print a table and name what they skip and why. Nothing here is run by the tests.
"""
