#!/usr/bin/env python3
"""Compares the lines of `heap-lab escape` with those of the Go compiler.

    compare.py suite DIR [PATTERN] [--lab HEAP_LAB] [--goroot auto|off] [--go GO] [--differences FILE]
    compare.py std [PATTERN] [the same]

`suite` takes each .go file of DIR and of two levels of folders below it by itself, as files of Go's own test folder are; those
that do not compile so are left out. `std` takes the packages of the standard library that have no assembly, no C, and are not
internal. PATTERN is a regular expression for the files below DIR, or for import paths.

Lines are compared as a multiset, with the numbers of `.autotmp` variables made equal, and lines about bounds checks left out. Lines
about other files than the program's (generic code of imports) are counted apart. A heap place is lost if the compiler has `escapes to
heap` or `moved to heap` at a position and heap-lab has neither. Exit code 0 if no place is lost, 1 if one is, 77 without Go.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PLACE = re.compile(r"^([^: ]+):(\d+):(\d+): (.*)$")
HEAP = ("escapes to heap", "moved to heap")


def lines(text):
    """The lines with a place, by (whole path, line, column, words)."""
    found = []
    for line in text.splitlines():
        match = PLACE.match(line.strip())
        if match and "bounds check" not in line:
            path, row, column, words = match.groups()
            found.append((path, row, column, re.sub(r"\.autotmp_\d+", ".autotmp_N", words)))
    return found


def apart(found, is_own):
    """Counts of the program's own lines and of those about others, with the files' names only."""
    counts = collections.Counter(), collections.Counter()
    for path, *rest in found:
        counts[0 if is_own(path) else 1][(os.path.basename(path), *rest)] += 1
    return counts


def heap_places(counts):
    return {line[:3] for line in counts if any(words in line[3] for words in HEAP)}


class Go:
    """The compiler, and where compiled packages of the standard library are."""

    def __init__(self, go, folder):
        self.go, self.folder = go, folder
        self.env = dict(os.environ, CGO_ENABLED="0", GOFLAGS="", GOWORK="off")
        self.root = self.run("env", "GOROOT").strip()
        self.env["GOROOT"] = self.root
        self.compiler = self.run("tool", "-n", "compile").strip()
        form = "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}"
        config = self.run("list", "-export", "-f", form, "std")
        vendored = re.findall(r"^packagefile vendor/([^=]+)=", config, re.M)
        config += "".join(f"importmap {path}=vendor/{path}\n" for path in vendored)
        self.config = folder / "importcfg"
        self.config.write_text(config)

    def run(self, *args):
        return subprocess.run([self.go, *args], capture_output=True, text=True, env=self.env, check=True).stdout

    def compile(self, files, path, *more):
        """What the compiler says, or none if it does not compile."""
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            command = [self.compiler, "-importcfg", self.config, "-p", path, "-m", "-l", "-c", "1", "-o", out + "/o"]
            where = os.path.dirname(files[0])
            try:
                done = subprocess.run(
                    [*command, *more, *map(os.path.basename, files)],
                    capture_output=True, cwd=where, env=self.env, timeout=120, text=True, errors="replace",
                )
            except subprocess.TimeoutExpired:
                return None
        return done.stdout + done.stderr if done.returncode == 0 else None


def suite(folder, pattern):
    folder = pathlib.Path(folder).resolve()
    for depth in ("*.go", "*/*.go", "*/*/*.go"):
        for file in sorted(folder.glob(depth)):
            name = str(file.relative_to(folder))
            if not pattern.search(name):
                continue
            package = re.search(r"^\s*package\s+(\w+)", file.read_text(errors="replace"), re.M)
            yield name, [str(file)], package[1] if package else "main", ()


def std(go, pattern):
    text, at, decoder = go.run("list", "-json=ImportPath,Dir,GoFiles,SFiles,CgoFiles", "std"), 0, json.JSONDecoder()
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        package, at = decoder.raw_decode(text, at)
        path = package["ImportPath"]
        is_out = package.get("SFiles") or package.get("CgoFiles") or path.startswith("vendor/") or path == "unsafe"
        if is_out or "internal" in path.split("/") or not package.get("GoFiles") or not pattern.search(path):
            continue
        yield path, [os.path.join(package["Dir"], file) for file in package["GoFiles"]], path, ("-std",)


def compare(go, lab, goroot, program):
    """Name, own and other lines of both, and what heap-lab said of a mistake; none if it does not compile."""
    name, files, path, more = program
    wanted = go.compile(files, path, *more)
    if wanted is None:
        return None
    names = {os.path.basename(file) for file in files}
    where = os.path.dirname(files[0])

    def is_own(path):
        # A directive may give a file any name, and the compiler then has it as it is.
        return os.path.dirname(path) in ("", ".", where) or not os.path.isabs(path) or os.path.basename(path) in names

    try:
        done = subprocess.run(
            [lab, "escape", "--goroot", goroot, *files],
            capture_output=True, text=True, errors="replace", timeout=120, env=dict(go.env, PATH=go.path),
        )
    except subprocess.TimeoutExpired:
        return name, apart(lines(wanted), is_own), apart([], is_own), "took more than two minutes"
    mistake = "" if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip())[:300]
    return name, apart(lines(wanted), is_own), apart(lines(done.stdout), is_own), mistake


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("suite", "std"))
    parser.add_argument("rest", nargs="*", metavar="DIR | PATTERN")
    parser.add_argument("--lab", default="target/release/heap-lab")
    parser.add_argument("--go", default="go")
    parser.add_argument("--goroot", default="auto", choices=("auto", "off"))
    parser.add_argument("--differences", help="write each line that differs, below its program, to this file")
    args = parser.parse_intermixed_args()
    go_path = shutil.which(args.go)
    if go_path is None:
        print(f"SKIPPED compare: {args.go} is not installed")
        return 77
    folder = args.rest.pop(0) if args.what == "suite" and args.rest else None
    if args.what == "suite" and folder is None:
        parser.error("suite needs the folder of the programs")
    pattern = re.compile("|".join(args.rest))

    totals, lost_places = collections.Counter(), 0
    differences = open(args.differences, "w", encoding="utf-8") if args.differences else open(os.devnull, "w")
    with differences, tempfile.TemporaryDirectory() as compiled, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        go = Go(go_path, pathlib.Path(compiled))
        go.path = os.path.dirname(go_path) + os.pathsep + os.environ.get("PATH", "")
        programs = suite(folder, pattern) if args.what == "suite" else std(go, pattern)
        for found in pool.map(lambda program: compare(go, args.lab, args.goroot, program), programs):
            if found is None:
                totals["left out"] += 1
                continue
            name, wanted, got, mistake = found
            totals["programs"] += 1
            totals["identical"] += wanted[0] == got[0] and not mistake
            for kind, want, have in (("own", wanted[0], got[0]), ("other", wanted[1], got[1])):
                lost = heap_places(want) - heap_places(have)
                lost_places += len(lost)
                totals[kind, "lines"] += want.total()
                totals[kind, "same"] += (want & have).total()
                totals[kind, "extra"] += (have - want).total()
                totals[kind, "lost"] += len(lost)
                if want != have or (mistake and kind == "own"):
                    print(f"== {name} ({kind}) {mistake}", file=differences)
                    for sign, which in (("-", want - have), ("+", have - want)):
                        for file, row, column, words in sorted(which.elements()):
                            mark = "!" if sign == "-" and (file, row, column) in lost else sign
                            print(f"{mark} {file}:{row}:{column}: {words}", file=differences)
    if not totals["programs"]:
        print("no program compiles: is that the right folder?")
        return 2
    print(f"{totals['identical']} of {totals['programs']} programs identical ({totals['left out']} left out: they do not compile alone)")
    for kind, what in (("own", "lines"), ("other", "lines about generic code of others")):
        same, all_of = totals[kind, "same"], totals[kind, "lines"]
        share = f" ({100 * same / all_of:.1f} %)" if all_of else ""
        print(f"{same} of {all_of} {what}{share}; {totals[kind, 'extra']} more than the compiler's; {totals[kind, 'lost']} heap places lost")
    return 1 if lost_places else 0


if __name__ == "__main__":
    sys.exit(main())
