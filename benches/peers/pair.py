#!/usr/bin/env python3
"""Runs two commands in turn and compares the JSON they print.

    pair.py -n 5 -- heap-lab bench trees 18 --json -- ./gopeers trees 18

Each command prints one JSON object as the last line of its standard output
that begins with a brace. For every field that is a number in both, the table
shows the median and the range of each, and the ratio of the medians: below 1,
the first command's figure is the smaller one. The two are run A B, B A, A B
and so on, so that a machine that grows slower is unfair to neither.

Exit code: 0 done, 1 a command failed or printed no object, 2 wrong usage.
"""

import argparse
import json
import statistics
import subprocess
import sys


def split_commands(words):
    """The commands after each `--`."""
    commands = []
    for word in words:
        if word == "--":
            commands.append([])
        elif commands:
            commands[-1].append(word)
    return commands


def arguments(argv):
    start = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        description="Run two commands in turn and compare the JSON they print.",
        usage="%(prog)s [-n RUNS] [--json] -- COMMAND_A... -- COMMAND_B...",
    )
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each command (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(argv[:start])
    commands = split_commands(argv[start:])
    if options.runs < 1:
        parser.error("at least one run is needed")
    if len(commands) != 2 or not all(commands):
        parser.error("two commands are needed, each after --")
    return options, commands


def run(command):
    """The object that a run of the command prints."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        sys.exit(f"pair: cannot run {command[0]}: {error}")
    if done.returncode != 0:
        sys.exit(f"pair: {' '.join(command)} ended with {done.returncode}\n{done.stderr.strip()}")
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError as error:
                sys.exit(f"pair: {' '.join(command)} printed no JSON: {error}")
    sys.exit(f"pair: {' '.join(command)} printed no JSON object")


def numbers(results):
    """field -> its values, for fields that are numbers in any of the results."""
    fields = {}
    for result in results:
        for name, value in result.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                fields.setdefault(name, []).append(value)
    return fields


def summary(values):
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": len(values)}


def compare(a, b):
    """One row a field, in the order in which the fields were first printed."""
    a, b = numbers(a), numbers(b)
    rows = []
    for name in dict.fromkeys([*a, *b]):
        of_a, of_b = summary(a.get(name)), summary(b.get(name))
        both = of_a and of_b and of_b["median"]
        ratio = of_a["median"] / of_b["median"] if both else None
        rows.append({"field": name, "a": of_a, "b": of_b, "a/b": ratio})
    return rows


def short(value):
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def cell(one):
    if one is None:
        return "-"
    return f"{short(one['median'])} [{short(one['min'])}..{short(one['max'])}]"


def table(rows):
    lines = [("field", "A", "B", "A/B")]
    for row in rows:
        ratio = "-" if row["a/b"] is None else f"{row['a/b']:.3f}"
        lines.append((row["field"], cell(row["a"]), cell(row["b"]), ratio))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def main(argv):
    options, (command_a, command_b) = arguments(argv)
    results = {"a": [], "b": []}
    order = [("a", command_a), ("b", command_b)]
    for turn in range(options.runs):
        for name, command in order if turn % 2 == 0 else reversed(order):
            results[name].append(run(command))
        if sys.stderr.isatty():
            print(f"\r{turn + 1}/{options.runs}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    rows = compare(results["a"], results["b"])
    if options.json:
        print(json.dumps({"a": command_a, "b": command_b, "runs": options.runs, "fields": rows}))
        return
    print(f"A: {' '.join(command_a)}\nB: {' '.join(command_b)}\n{options.runs} runs each, median [min..max]\n")
    table(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
