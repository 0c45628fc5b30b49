"""Salient joints: which a rule has, and what is judged on them."""

from __future__ import annotations
