"""What the documents point at exists: files and headings behind links, and files named in backticks."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("kernels/", "io/", "dist/", "src/", "tests/", "launch/", "cmake/", "configs/", "docs/")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split() or [str(path.relative_to(ROOT)) for path in ROOT.glob("*.md")] + [
        str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
    return [ROOT / name for name in names if (ROOT / name).exists()]


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """As GitHub makes them of headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", without_code(text), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def broken_links(document, text):
    broken = []
    for target in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue  # elsewhere: not asked for, so that the check needs no network
        path, _, anchor = target.partition("#")
        file = document if not path else document.parent / path
        if not file.exists():
            broken.append(target)
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text() if path else text):
            broken.append(target)
    return broken


def missing_files(text):
    """Paths in backticks that start with one of our folders; `*`, `{a,b}` and a missing suffix may stand for many."""
    missing = []
    for code in CODE.findall(without_code(text)):
        for word in code.split():
            word = word.strip(",;:()").rstrip("/")
            if not word.startswith(FOLDERS) or re.search(r"[<>$=]|[A-Z]{3,}|\.\.\.", word):
                continue
            patterns = [word]
            braces = re.search(r"\{([^}]*)\}", word)
            if braces:
                patterns = [word.replace(braces.group(0), one) for one in braces.group(1).split(",")]
            for pattern in patterns:
                if not any(ROOT.glob(pattern)) and not any(ROOT.glob(pattern + ".*")):
                    missing.append(pattern)
    return missing


class Links(unittest.TestCase):
    def test_there_are_documents_and_links_to_check(self):
        self.assertGreater(len(documents()), 5)
        self.assertGreater(sum(len(LINK.findall(document.read_text())) for document in documents()), 5)

    def test_links_lead_somewhere(self):
        for document in documents():
            with self.subTest(document=document.relative_to(ROOT)):
                self.assertEqual(broken_links(document, document.read_text()), [])

    def test_files_named_exist(self):
        for document in documents():
            with self.subTest(document=document.relative_to(ROOT)):
                self.assertEqual(missing_files(document.read_text()), [])

    def test_what_is_broken_is_found(self):
        document = ROOT / "README.md"
        self.assertEqual(broken_links(document, "[a](docs/none.md) [b](LICENSE) [c](https://example.org/)"), ["docs/none.md"])
        self.assertEqual(broken_links(document, "# A b\n[a](#a-b) [c](#a-c)"), ["#a-c"])
        self.assertEqual(missing_files("`kernels/none.hpp` `kernels/loss.hpp` `kernels/{loss,none}.hpp` `kernels/loss`"),
                         ["kernels/none.hpp", "kernels/none.hpp"])


if __name__ == "__main__":
    unittest.main()
