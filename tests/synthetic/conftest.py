"""Lets the tests of this room import the modules beside them under any import mode."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
