"""Benchmarks: fair timing of backends on the report's rows, and what this core could do at best."""
