"""Module specs: a whole code base documented module by module, dependencies first (batch-module-contract.md)."""
