"""Benchmarks: what nightwork costs, beside a peer or a bound measured in the same run. See bench/README.md."""
