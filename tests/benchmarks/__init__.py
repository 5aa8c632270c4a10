"""Tests of the benchmarks that check figures."""
