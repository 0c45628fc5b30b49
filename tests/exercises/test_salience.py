"""Salient joints: which a rule has, and what is judged on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from performed import motion_of, performed
