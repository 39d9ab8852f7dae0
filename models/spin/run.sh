#!/usr/bin/env bash
# Runs the models of this folder, each as it is and with each of its failing variants, and compares with variants.txt.
#
#   models/spin/run.sh [WORD]    only the lines of variants.txt that contain WORD
#
# A model that should be safe must be exhausted: searched to the end within SECONDS_EACH (120) and 3 GB. A variant must be
# violated: an assertion fails, or somebody waits for good. Fails if an outcome differs from the expected one.
set -uo pipefail

case $0 in */*) here=$(cd "${0%/*}" && pwd) ;; *) here=$PWD ;; esac
word=${1:-}
limit=${SECONDS_EACH:-120}

for tool in spin gcc timeout; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED spin models: $tool is not installed (on Debian: apt-get install spin gcc)"
        exit 0
    fi
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# Builds and searches; prints outcome, states, depth.
search() {
    local file=$1 flags=$2
    rm -f pan* ./*.trail model.pml
    cp "$here/$file" model.pml
    # shellcheck disable=SC2086 # flags are words
    if ! spin -a $flags model.pml >log 2>&1 || ! gcc -O2 -w -DSAFETY -DCOLLAPSE -DBFS -DMEMLIM=3000 -o pan pan.c >>log 2>&1; then
        cat log >&2
        echo "not-built 0 0"
        return
    fi
    nice -n 10 timeout "$limit" ./pan -w25 >log 2>&1
    local status=$? states depth outcome
    states=$(awk '/states, stored/ { print $1 }' log)
    depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' log)
    if grep -Eq '^pan:1: (assertion violated|invalid end state)' log; then
        outcome=violated
    elif [ "$status" -eq 0 ] && grep -q 'errors: 0' log && ! grep -Eq 'not completed|too small|out of memory|memory limit' log; then
        outcome=safe
    else
        outcome=not-exhausted
    fi
    echo "$outcome ${states:-0} ${depth:-0}"
}

printf '%-16s %-22s %-14s %12s %6s %8s\n' model variant outcome states depth seconds
runs=0 wrong=0 began=$SECONDS
while read -r file flags expected; do
    case "$file" in '' | '#'*) continue ;; esac
    if [ -n "$word" ] && [[ "$file $flags" != *"$word"* ]]; then continue; fi
    words=${flags//,/ }
    [ "$words" = - ] && words=
    start=$(date +%s%N)
    read -r outcome states depth < <(search "$file" "$words")
    tenths=$((($(date +%s%N) - start) / 100000000))
    note=
    if [ "$outcome" != "$expected" ]; then
        note="  expected: $expected"
        wrong=$((wrong + 1))
    fi
    runs=$((runs + 1))
    printf '%-16s %-22s %-14s %12s %6s %6d.%d%s\n' "$file" "${words//-D/}" "$outcome" "$states" "$depth" \
        $((tenths / 10)) $((tenths % 10)) "$note"
done <"$here/variants.txt"

echo "$runs runs, $wrong unexpected, $((SECONDS - began)) seconds"
if [ "$runs" -eq 0 ]; then
    echo "no line of variants.txt contains '$word'"
    exit 1
fi
[ "$wrong" -eq 0 ]
