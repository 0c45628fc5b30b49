"""Durable writes, digests, restricted loading and path containment."""
