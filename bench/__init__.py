"""Proofs of speed and memory, run on demand: `python -m bench.throughput`."""
