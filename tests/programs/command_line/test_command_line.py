"""What every program tells of itself: version, help of any width, manual page, and completion as the shells see it."""

import functools
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

BIN = Path(os.environ["DEJAVID_BIN"])
SUBCOMMANDS = {
    "dejavid_dist": ["train", "centroids", "eval", "neighbours", "predict", "align", "report", "doctor"],
    "lrprop_dist": ["train", "embed", "eval", "align", "report", "doctor"],
    "dejavid_convert": ["ts", "torch", "npy", "synthetic", "merge", "labels", "info", "verify"],
    "dejavid_bench": ["kernels", "train", "naive", "torch", "io", "scaling", "predict", "lrprop"],
    "dejavid_encode": ["inspect", "beside", "scenes", "doctor"],
}
LRPROP_CONFIGS = [file.stem for file in (Path(__file__).resolve().parents[3] / "configs" / "lrprop").glob("*.toml")]


@functools.cache  # two of the programs load LibTorch before they say a word
def run(program, *words, code=0, columns=None):
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    if columns is not None:
        environment["COLUMNS"] = str(columns)
    finished = subprocess.run([BIN / program, *words], env=environment, capture_output=True, text=True, timeout=60)
    assert finished.returncode == code, finished
    return finished.stdout if code == 0 else finished.stderr


def text_of(page):
    return " ".join(word for word in page.split() if word != "\\")


class Pages(unittest.TestCase):
    def test_every_program_has_a_version(self):
        for program in SUBCOMMANDS:
            self.assertRegex(run(program, "--version"), rf"^{program} \d+\.\d+\.\d+\n$")

    def test_help_fits_its_width_and_loses_nothing(self):
        for program, commands in SUBCOMMANDS.items():
            for words in (["--help"], ["help", commands[0]]):
                with self.subTest(program=program, words=words):
                    page = run(program, *words)
                    self.assertLessEqual(max(map(len, page.splitlines())), 100)
                    self.assertEqual(text_of(run(program, *words, columns=100000)), text_of(page))

    def test_the_first_screen_is_one(self):
        for program, commands in SUBCOMMANDS.items():
            for words in (["-h"], [commands[0], "-h"], ["-h", commands[-1]]):
                with self.subTest(program=program, words=words):
                    lines = run(program, *words).splitlines()
                    self.assertTrue(8 <= len(lines) <= 26, len(lines))
                    self.assertIn(f"Usage: {program}", "\n".join(lines))

    def test_every_subcommand_and_example_is_one(self):
        for program, commands in SUBCOMMANDS.items():
            page = run(program, "--help", columns=100000)
            self.assertEqual(re.findall(r"^  (\w+) +\S", page.split("Subcommands:\n")[1].split("\n\n")[0], re.M), commands)
            examples = re.findall(rf"^  (?:mpirun -np \d+ )?{program} (\w+)", page.split("Examples:\n")[1], re.M)
            self.assertGreater(len(examples), 1)
            self.assertLessEqual(set(examples), set(commands))

    def test_without_a_word_a_program_shows_its_first_screen(self):
        for program in SUBCOMMANDS:
            self.assertEqual(run(program, code=2), run(program, "-h"))

    def test_mistakes_are_one_line(self):
        for program in SUBCOMMANDS:
            self.assertRegex(run(program, "help", "tain", code=2), r"^error: [^\n]*expected[^\n]*\n$")

    def test_a_subcommand_that_is_none_leads_to_the_nearest(self):
        for word, nearest in (("mrege", "merge"), ("infos", "info"), ("frobnicate", "")):
            self.assertRegex(
                run("dejavid_convert", word, "a.h5", code=2),
                rf'^error: "{word}": found no subcommand of this name; expected one of ts, .*, verify; did you mean {nearest}.*\?\n$',
            )
        self.assertRegex(run("dejavid_convert", "--out", "a.h5", code=2), r"^error: [^\n]*found no subcommand[^\n]*expected one of ts,[^\n]*\n$")

    def test_empty_names_are_refused(self):
        for words in (
            ["dejavid_encode", "inspect", ""],
            ["dejavid_encode", "inspect", "bad.mp4", "--json", ""],
            ["dejavid_encode", "beside", "a.csv", "", "b.mp4", "--out", "a.svg"],
            ["dejavid_encode", "scenes", "--out", ""],
            ["dejavid_encode", "--videos", "", "--encoder", "motion", "--windows", "fraction", "--out", "a.h5"],
            ["dejavid_convert", "info", ""],
        ):
            self.assertRegex(run(*words, code=2), r"^error: [^\n]*found an empty text; expected [^\n]*\n$")


@unittest.skipUnless(shutil.which("mandoc"), "found no mandoc")
class ManualPages(unittest.TestCase):
    def test_is_sound(self):
        for program in SUBCOMMANDS:
            page = run(program, "--man")
            found = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, capture_output=True, text=True)
            # a date would make the page another one with every build
            self.assertEqual([line for line in found.stdout.splitlines() if "missing date" not in line], [], program)
            shown = subprocess.run(["mandoc", "-Tascii"], input=page, capture_output=True, text=True, check=True).stdout
            plain = re.sub(".\b", "", shown)
            for line in run(program, "--help", columns=100000).splitlines():
                if option := re.match(r"^  (?:-h, )?(--[\w.-]+)", line):
                    self.assertIn(option[1], plain)


class BashCompletion(unittest.TestCase):
    def complete(self, *words, folder=None):
        """What bash offers for the last word."""
        program = words[0]
        script = f"""{run(program, "--completion", "bash")}
            COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
            _{program}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        finished = subprocess.run(["bash", "-u", "-c", script], cwd=folder, capture_output=True, text=True)
        self.assertEqual((finished.returncode, finished.stderr), (0, ""))
        return finished.stdout.split()

    def test_offers_choices_of_a_key(self):
        for words in (["--dist.device", ""], ["--dist.device", "=", ""], ["--dist.device", "="]):
            self.assertEqual(self.complete("dejavid_dist", "train", *words), ["auto", "cpu", "cuda"])
            self.assertEqual(self.complete("lrprop_dist", *words), ["auto", "cpu", "cuda"])
        self.assertEqual(self.complete("dejavid_dist", "--dist.device", "cu"), ["cuda"])
        self.assertEqual(self.complete("dejavid_dist", "train", "--model.diagonal", ""), ["true", "false"])
        self.assertEqual(self.complete("dejavid_dist", "train", "--train.lr", ""), [])
        self.assertEqual(self.complete("dejavid_convert", "ts", "--progress", "p"), ["plain"])

    def test_offers_subcommands_and_what_each_reads(self):
        for program, commands in SUBCOMMANDS.items():
            self.assertEqual(self.complete(program, ""), [*commands, "help"])
            self.assertEqual(self.complete(program, "help", ""), commands)
            for command in commands:
                offered = self.complete(program, command, "--")
                listed = re.findall(r"^  (?:-h, )?(--[\w.-]+)", run(program, "help", command, columns=100000), re.M)
                self.assertEqual(offered, listed)
        self.assertEqual(self.complete("dejavid_dist", "doctor", "--run."), ["--run.dir"])
        self.assertEqual(self.complete("dejavid_dist", "--data.st"), ["--data.store"])

    def test_offers_files_and_folders(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.h5").touch()
            (Path(folder) / "apart").mkdir()
            for words in (["--data.store", "a"], ["--data.store", "b.h5", "a"], ["--model.init", "a"], ["--json", "a"]):
                self.assertEqual(sorted(self.complete("dejavid_dist", "eval", *words, folder=folder)), ["a.h5", "apart"])
            self.assertEqual(self.complete("dejavid_dist", "train", "--run.dir", "a", folder=folder), ["apart"])
            self.assertEqual(self.complete("dejavid_dist", "train", "--config", "se", folder=folder), ["series-2025", "series"])
            self.assertEqual(sorted(self.complete("lrprop_dist", "train", "--config", "", folder=folder)), sorted([*LRPROP_CONFIGS, "a.h5", "apart"]))
            self.assertEqual(sorted(self.complete("dejavid_dist", "train", "--run.resume", "a", folder=folder)), ["a.h5", "apart", "auto"])
            self.assertEqual(sorted(self.complete("dejavid_convert", "merge", "a", folder=folder)), ["a.h5", "apart"])


def zsh_offers(program, line, folder):
    """What a zsh at a terminal offers behind the line."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "COLUMNS": "200"})
    said = ""

    def read(until):
        nonlocal said
        said = ""
        while until not in said:
            assert select.select([terminal], [], [], 60)[0], said
            said += os.read(terminal, 65536).decode(errors="replace")

    try:
        script = Path(folder, ".script.zsh")  # which no completion of files offers
        script.write_text(f"""unsetopt prompt_cr prompt_sp
            PS1=''
            autoload -Uz compinit && compinit -D -u
            {run(program, "--completion", "zsh")}
            compadd() {{
                if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
                local -a offered
                builtin compadd -A offered "$@"
                (( $#offered )) && print -r -- "<"${{(j:> <:)offered}}">"
            }}
            tell() {{ zle complete-word; print 'THAT WAS ALL'; }}
            zle -N tell
            bindkey '^I' tell
            print READY
            """)
        os.write(terminal, f"stty -echo; source {script}\n".encode())
        read("READY\r\n")
        os.write(terminal, f"{line}\t".encode())
        read("THAT WAS ALL")
        return set(re.findall(r"<(.*?)>", said))
    finally:
        os.close(terminal)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


class OtherShells(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("a.h5", "b.h5"):
            (self.folder / name).touch()
        (self.folder / "runs").mkdir()

    @unittest.skipUnless(shutil.which("zsh"), "found no zsh")
    def test_zsh_reads_its_script(self):
        for program in SUBCOMMANDS:
            script = run(program, "--completion", "zsh")
            subprocess.run(["zsh", "-n"], input=script, text=True, check=True, capture_output=True)
            # as an option's specification of _arguments, every line is one that zsh can take apart
            begin = f"autoload -Uz compinit && compinit -D -u && {{ {script} }} && print -r -- $_comps[{program}]"
            found = subprocess.run(["zsh", "-f", "-c", begin], text=True, capture_output=True)
            self.assertEqual((found.stdout, found.stderr), (f"_{program}\n", ""))

    @unittest.skipUnless(shutil.which("zsh"), "found no zsh")
    def test_zsh_offers_what_fits(self):
        def complete(line):
            return zsh_offers("dejavid_dist", line, self.folder)

        self.assertEqual(complete("dejavid_dist train --dist.device "), {"auto", "cpu", "cuda"})
        self.assertEqual(complete("dejavid_dist train --dist.device="), {"auto", "cpu", "cuda"})
        self.assertEqual(complete("dejavid_dist "), {*SUBCOMMANDS["dejavid_dist"], "help"})
        self.assertEqual(complete("dejavid_dist doctor --run"), {"--run.dir"})
        self.assertEqual(complete("dejavid_dist doctor --train"), set())
        self.assertEqual(complete("dejavid_dist eval --data.store "), {"a.h5", "b.h5", "runs"})
        self.assertEqual(complete("dejavid_dist train --config s"), {"series", "series-2025", "ssv2"})

    @unittest.skipUnless(shutil.which("fish"), "found no fish")
    def test_fish_offers_what_fits(self):
        def complete(program, line):
            script = run(program, "--completion", "fish") + f"complete -C '{line}'\n"
            finished = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=self.folder)
            self.assertEqual((finished.returncode, finished.stderr), (0, ""))
            return [offered.split("\t")[0] for offered in finished.stdout.splitlines()]

        self.assertEqual(complete("dejavid_dist", "dejavid_dist train --dist.device "), ["auto", "cpu", "cuda"])
        self.assertEqual(complete("dejavid_dist", "dejavid_dist train --run.dir "), ["runs/"])
        self.assertEqual(complete("dejavid_dist", "dejavid_dist train --config se"), ["series", "series-2025"])
        for before in ("--data.store ", "--data.store a.h5 ", "--data.store=a.h5 "):
            self.assertEqual(complete("dejavid_dist", f"dejavid_dist eval {before}"), ["a.h5", "b.h5", "runs/"], before)
        self.assertEqual(complete("dejavid_dist", "dejavid_dist eval --data.store a.h5 --eval.split train "), [])
        for program, commands in SUBCOMMANDS.items():
            self.assertEqual(sorted(complete(program, f"{program} ")), sorted([*commands, "help"]))
        self.assertIn("--run.dir", complete("dejavid_dist", "dejavid_dist doctor --run"))
        self.assertNotIn("--train.lr", complete("dejavid_dist", "dejavid_dist doctor --"))


if __name__ == "__main__":
    unittest.main()
