#!/usr/bin/env python3
"""Compares the time that programs take in our interpreter of Lox and in clox.

    compare.py CLOX DIR [PATTERN ...] [--lox LOX] [--rounds N] [--wall] [--limit SECONDS]

Taken are the .lox files of DIR and those of the folder `timed` beside this file, which have `timed/` before their names. PATTERN
is a regular expression for their names. In every round each program is run by both, one after the other; who is first changes
from round to round. The time is what the program says: the number after a line `elapsed`, or the one in its last line. With
--wall, or if it says none, it is that from start to end. `clock()` is the processor's time in clox, and the time that has passed
in ours, which is not less.

The table has the median of each, the ratio of the medians (ours over clox, so below 1 ours takes less), and the least and the
largest ratio of a round. A program that either refuses is not run again, and has the exit codes: 65 is an error in the source, 70
one at run time.

Exit code 0; 1 if one of the two alone runs a program, or if they print different words; 2 for a mistake in the arguments.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

TIMED = pathlib.Path(__file__).resolve().parent / "timed"
# It runs for ten seconds, however fast it is.
FIXED_TIME = ("zoo_batch",)


def number(line):
    try:
        return float(line)
    except ValueError:
        return None


def elapsed(lines):
    """The time that a program says it took, if it says one."""
    for line, after in zip(lines, lines[1:]):
        if line.strip().rstrip(":") == "elapsed" and number(after) is not None:
            return number(after)
    return number(lines[-1]) if lines else None


@dataclasses.dataclass
class Run:
    """What came of one run: an exit code or a word for it, a time if it was 0, and the words that were printed."""

    end: str
    seconds: float = 0.0
    words: tuple = ()


def run(interpreter, file, args):
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [interpreter, file], capture_output=True, stdin=subprocess.DEVNULL, timeout=args.limit, text=True, errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Run("too slow")
    wall = time.monotonic() - begun
    if done.returncode != 0:
        return Run(str(done.returncode))
    lines = done.stdout.splitlines()
    told = None if args.wall else elapsed(lines)
    # Numbers may be times.
    words = tuple(line for line in lines if number(line) is None)
    return Run("0", wall if told is None else told, words)


@dataclasses.dataclass
class Program:
    name: str
    file: pathlib.Path
    ours: list = dataclasses.field(default_factory=list)
    clox: list = dataclasses.field(default_factory=list)

    def is_over(self):
        """Whether one of the two has not run it to its end: then it is not run again."""
        return any(one.end != "0" for one in self.ours + self.clox)

    def differs(self):
        """Whether one of the two alone has run it to its end, or they have printed different words."""
        ends = {one.end == "0" for one in self.ours + self.clox}
        return len(ends) > 1 or (ends == {True} and len({one.words for one in self.ours + self.clox}) > 1)

    def row(self):
        if self.is_over():
            ends = [next((one.end for one in runs if one.end != "0"), "0") for runs in (self.ours, self.clox)]
            note = "run by one alone" if self.differs() else "run by neither"
            return [self.name, *(f"exit {end}" if end.lstrip("-").isdigit() else end for end in ends), "", note]
        ours, clox = ([one.seconds for one in runs] for runs in (self.ours, self.clox))
        note = "prints different words" if self.differs() else ""
        medians = statistics.median(ours), statistics.median(clox)
        if min(clox) <= 0:
            return [self.name, *(f"{median:.3f} s" for median in medians), "", note or "too short"]
        ratios = [one / other for one, other in zip(ours, clox)]
        ratio = f"{medians[0] / medians[1]:.2f}"
        return [self.name, *(f"{median:.3f} s" for median in medians), ratio, note or f"{min(ratios):.2f} to {max(ratios):.2f}"]


def programs(folder, patterns):
    pattern = re.compile("|".join(patterns))
    for before, place in (("", folder), ("timed/", TIMED)):
        for file in sorted(place.glob("*.lox")):
            if file.stem not in FIXED_TIME and pattern.search(before + file.stem):
                yield Program(before + file.stem, file)


def show(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:4], widths[1:4])), row[4]]
        print("  ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clox", type=pathlib.Path)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.add_argument("--lox", default="target/release/lox", type=pathlib.Path)
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--wall", action="store_true", help="take the time from start to end, whatever a program says")
    parser.add_argument("--limit", default=300.0, type=float, metavar="SECONDS", help="a run that takes longer is ended")
    args = parser.parse_intermixed_args()
    for interpreter in (args.lox, args.clox):
        if not (interpreter.is_file() and os.access(interpreter, os.X_OK)):
            parser.error(f"{interpreter} is no program")
    if not args.folder.is_dir():
        parser.error(f"there is no folder {args.folder}")
    if args.rounds < 1:
        parser.error("one round at least")
    if not any(args.folder.glob("*.lox")):
        parser.error(f"there is no program in {args.folder}")
    lox, clox = args.lox.resolve(), args.clox.resolve()

    found = list(programs(args.folder, args.patterns))
    if not found:
        parser.error("no program has such a name")
    for turn in range(args.rounds):
        for program in found:
            if program.is_over():
                continue
            print(f"round {turn + 1} of {args.rounds}: {program.name}", file=sys.stderr)
            both = [(lox, program.ours), (clox, program.clox)]
            for interpreter, runs in both if turn % 2 == 0 else reversed(both):
                runs.append(run(interpreter, program.file, args))
    show([["program", "lox", "clox", "ratio", "of a round"], *(program.row() for program in found)])
    return 1 if any(program.differs() for program in found) else 0


if __name__ == "__main__":
    sys.exit(main())
