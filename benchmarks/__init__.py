"""Benchmarks: each runs beside a peer in the same run and reports ratios; none is a test."""
