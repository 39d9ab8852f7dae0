#!/usr/bin/env bash
# Runs the models of this folder, each as it is and with each of its failing variants, and compares with variants.txt.
#
#   models/spin/run.sh [WORD]    only the lines of variants.txt that contain WORD
#
# A model that should be safe must be exhausted: searched to the end within SECONDS_EACH (120) and 3 GB. A variant must be
# violated: an assertion fails, or somebody waits for good. Fails if an outcome differs from the expected one. As many run at
# a time as there are processors, or JOBS; what is found is listed in the order of variants.txt.
set -uo pipefail

case $0 in */*) here=$(cd "${0%/*}" && pwd) ;; *) here=$PWD ;; esac
word=${1:-}
limit=${SECONDS_EACH:-120}
jobs=${JOBS:-$(nproc)}

for tool in spin gcc timeout; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED spin models: $tool is not installed (on Debian: apt-get install spin gcc)"
        exit 0
    fi
done

folder=$(mktemp -d)
# Each run is a job with a process group of its own, so that what still runs when this ends can be ended whole.
set -m
trap 'for job in $(jobs -p); do kill -- "-$job" 2>/dev/null; done; wait; rm -rf "$folder"' EXIT

# Builds and searches in a folder of its own; prints outcome, states, depth.
search() {
    local file=$1 flags=$2
    cp "$here/$file" model.pml
    # shellcheck disable=SC2086 # flags are words
    if ! spin -a $flags model.pml >log 2>&1 || ! gcc -O2 -w -DSAFETY -DCOLLAPSE -DBFS -DMEMLIM=3000 -o pan pan.c >>log 2>&1; then
        cat log >&2
        echo "not-built 0 0"
        return
    fi
    nice -n 10 timeout --foreground "$limit" ./pan -w25 >log 2>&1
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

# One line of variants.txt: the line of the table, and whether the outcome was another than expected.
one() {
    local number=$1 file=$2 flags=$3 expected=$4 words start outcome states depth tenths note=
    mkdir "$folder/$number" && cd "$folder/$number" || exit 1
    words=${flags//,/ }
    [ "$words" = - ] && words=
    start=$(date +%s%N)
    read -r outcome states depth < <(search "$file" "$words")
    tenths=$((($(date +%s%N) - start) / 100000000))
    [ "$outcome" != "$expected" ] && note="  expected: $expected"
    printf '%-16s %-22s %-14s %12s %6s %6d.%d%s\n' "$file" "${words//-D/}" "$outcome" "$states" "$depth" \
        $((tenths / 10)) $((tenths % 10)) "$note" >"$folder/$number.line"
    rm -rf "${folder:?}/$number"
}

printf '%-16s %-22s %-14s %12s %6s %8s\n' model variant outcome states depth seconds
runs=0 began=$SECONDS
while read -r file flags expected; do
    case "$file" in '' | '#'*) continue ;; esac
    if [ -n "$word" ] && [[ "$file $flags" != *"$word"* ]]; then continue; fi
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    runs=$((runs + 1))
    one "$runs" "$file" "$flags" "$expected" &
done <"$here/variants.txt"
wait

wrong=0
for ((number = 1; number <= runs; number++)); do
    if line=$(cat "$folder/$number.line" 2>/dev/null); then
        echo "$line"
        [[ "$line" == *"  expected: "* ]] && wrong=$((wrong + 1))
    else
        echo "run $number left nothing: it was ended from outside"
        wrong=$((wrong + 1))
    fi
done

echo "$runs runs, $wrong unexpected, $((SECONDS - began)) seconds"
if [ "$runs" -eq 0 ]; then
    echo "no line of variants.txt contains '$word'"
    exit 1
fi
[ "$wrong" -eq 0 ]
