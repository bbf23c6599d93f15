"""Decisions: pure functions over frozen values. Standard library only; no I/O, clock, asyncio or logging."""
