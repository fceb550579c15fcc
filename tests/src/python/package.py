"""Makes the built package importable, torch where there is one, and the helpers of the end-to-end tests."""

import doctest
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ.get("DEJAVID_SOURCE", Path(__file__).resolve().parents[3]))
BUILT = Path(os.environ.get("DEJAVID_PACKAGE", SOURCE / "build" / "cpu" / "python"))
sys.path[:0] = [str(BUILT), *(str(SOURCE / "tests" / name) for name in ("end_to_end", "end_to_end_lrprop"))]
#: Where torch is: CMake says where it has LibTorch from.
_SITES = [Path(os.environ["DEJAVID_TORCH_SITE"])] if "DEJAVID_TORCH_SITE" in os.environ else SOURCE.glob(".venv/lib/python3*/site-packages")
TORCH = [str(site) for site in _SITES if (site / "torch").is_dir()]
#: How a Python comes by it: behind its own packages, and as of the slim LibTorch what nobody calls is missing.
WITH_TORCH = f"import os, sys\nsys.path += {TORCH}\nsys.setdlopenflags(os.RTLD_LAZY)\n"
exec(WITH_TORCH)


#: Code of another thread that runs beside what comes after it, and counts.
COUNTING = """
import threading, time
counted = 0
def count():
    global counted
    while True:
        counted += 1
        time.sleep(0.001)
threading.Thread(target=count, daemon=True).start()
"""


def python(code, **others):
    """A Python that imports the built package, and torch."""
    environment = {**os.environ, "PYTHONPATH": str(BUILT)}
    return subprocess.Popen(
        [sys.executable, "-c", WITH_TORCH + code],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **others,
    )


def check_page(case, page):
    """Runs the examples of a page of documents."""
    examples = doctest.DocTestParser().get_doctest((SOURCE / page).read_text(), {}, page, page, 0)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples)
        finally:
            os.chdir(before)
    case.assertEqual(results.failed, 0)
    case.assertGreater(results.attempted, 8)
