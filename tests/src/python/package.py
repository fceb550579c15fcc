"""Makes the built package importable, and the helpers of the end-to-end tests."""

import os
import sys
from pathlib import Path

SOURCE = Path(os.environ.get("DEJAVID_SOURCE", Path(__file__).resolve().parents[3]))
BUILT = Path(os.environ.get("DEJAVID_PACKAGE", SOURCE / "build" / "cpu" / "python"))
sys.path[:0] = [str(BUILT), str(SOURCE / "tests" / "end_to_end")]
