# Every job, by the name that CI uses too. A job whose tool is missing says SKIPPED and why, and is no failure.
# README.md gives the plain cargo commands for those who have no `just`.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments := true

nightly := env("NIGHTLY", "nightly")
host := `rustc -vV | sed -n 's/^host: //p'`

# List the recipes.
default:
    @just --list --unsorted

# Format, lints, documentation, house rules, licences: what must hold before a change is looked at.
check: fmt clippy docs house deny

# Is everything formatted?
fmt:
    cargo fmt --all -- --check

# Lints, in every target, warnings being errors.
clippy:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --all-targets --features verify,stress,faults,tracing -- -D warnings

# Documentation of public and private items; a broken link is an error.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# The order of layers, the doors, the unsafe ledger, and that every name in the pages exists.
house:
    cargo test --test layers --test doors --test docs

# Licences, sources and reasons of the dependencies.
deny:
    @cargo fetch --locked --quiet || echo "SKIPPED cargo fetch: only the packages at hand are looked at"
    cargo test --test dependencies
    @if command -v cargo-deny >/dev/null; then \
        cargo deny check bans licenses sources; \
    else \
        echo "SKIPPED cargo deny: not installed (tests/dependencies.rs checked the licences)"; \
    fi

# All tests: debug, release, with structure checks, and with checks and shrunk quanta.
test:
    cargo test --workspace
    cargo test --workspace --release
    cargo test --workspace --features verify,tracing
    cargo test --workspace --features verify,stress

# The seeded faults: with each one switched on, a named test must fail.
faults:
    cargo test --release --features faults --test faults

# Generated heap programs with fresh seeds, for so many seconds (a failure prints its seed); or a target of fuzz/: fuzz escape_go 600
fuzz what="60" seconds="600":
    #!/usr/bin/env bash
    set -euo pipefail
    if [[ ! "{{what}}" =~ ^[0-9]+$ ]]; then
        if ! rustc +{{nightly}} --version >/dev/null 2>&1; then
            echo "SKIPPED fuzz {{what}}: there is no toolchain {{nightly}}"; exit 0
        fi
        if ! cargo fuzz --version >/dev/null 2>&1; then cargo install cargo-fuzz --locked; fi
        seeds=$(mktemp -d); trap 'rm -rf "$seeds"' EXIT
        if [ "{{what}}" = escape_go ]; then cp crates/heap-escape-go/tests/programs/*.go "$seeds"; fi
        # The tables of a heap are in mappings where the search for leaks does not look for pointers.
        if [ "{{what}}" = observe_http ]; then export ASAN_OPTIONS=detect_leaks=0; fi
        mkdir -p "fuzz/corpus/{{what}}"
        cargo +{{nightly}} fuzz run "{{what}}" "fuzz/corpus/{{what}}" "$seeds" -- -max_total_time="{{seconds}}" \
            -timeout=20 -rss_limit_mb=2048 -max_len=8192 -dict="fuzz/{{what}}.dict"
        exit
    fi
    cargo test --release -p heap-testkit --no-run
    end=$((SECONDS + {{what}})); rounds=0
    while [ "$SECONDS" -lt "$end" ]; do
        seed=$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')
        if ! TRICOLOR_SEED=$seed cargo test --release -q -p heap-testkit; then
            echo "REPRO: TRICOLOR_SEED=$seed cargo test --release -p heap-testkit"
            exit 1
        fi
        rounds=$((rounds + 1))
    done
    echo "$rounds rounds"

# Generated programs on one to four mutators beside a collector that is checked in every cycle; 15 minutes, or so many seconds.
soak seconds="900":
    cargo run --release -p heap-testkit --bin soak -- {{seconds}}

# Miri over the unsafe code, on the simulated operating system, with strict provenance.
miri *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! cargo +{{nightly}} miri --version >/dev/null 2>&1; then
        echo "SKIPPED miri: the toolchain {{nightly}} has no miri component (rustup +{{nightly}} component add miri rust-src)"
        exit 0
    fi
    export MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-disable-isolation"
    cargo +{{nightly}} miri test -p heap-core --lib "$@"

# The Spin models of the cycle on the fly, whole and with each failing variant. Four to six minutes, one core, up to 3 GB.
models *WORD:
    models/spin/run.sh "$@"

# The loom models of the protocols between threads, whole and with each step left out. Half a minute and a build.
loom:
    #!/usr/bin/env bash
    set -euo pipefail
    log=$(mktemp); trap 'rm -f "$log"' EXIT
    CARGO_TARGET_DIR=target/loom cargo test --release --manifest-path models/loom/Cargo.toml | tee "$log"
    if ! grep -q "^test result: ok. [1-9]" "$log"; then
        echo "no model ran"; exit 1
    fi

# The real heap under so many schedules that a seed decides. A failure prints its seed. 2000 are a few seconds and a build.
pct schedules="100000" *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    export CARGO_TARGET_DIR="$PWD/target/pct"; unset RUSTFLAGS
    schedules=${1:-100000}; shift || true
    cd models/pct && cargo test --release --quiet && cargo run --release -- --schedules "$schedules" "$@"

# One schedule again: TRICOLOR_SEED says which. Then a program, and what else the failure's last line names.
pct-one program *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    export CARGO_TARGET_DIR="$PWD/target/pct"; unset RUSTFLAGS
    : "${TRICOLOR_SEED:?says which schedule}"
    cd models/pct && cargo run --release -- --program "$@"

# Each step of the protocols left out in turn: the schedules must notice. Two minutes and a build.
pct-prove schedules="50000":
    #!/usr/bin/env bash
    set -euo pipefail
    export CARGO_TARGET_DIR="$PWD/target/pct"; unset RUSTFLAGS
    cd models/pct && cargo run --release -- --prove --schedules "{{schedules}}"

# AddressSanitizer with free slots poisoned. Tests that ask for too much expect to be refused, so the allocator may refuse.
asan:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! rustc +{{nightly}} --version >/dev/null 2>&1; then
        echo "SKIPPED asan: there is no toolchain {{nightly}}"
        exit 0
    fi
    export RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1" CARGO_TARGET_DIR=target/asan
    cargo +{{nightly}} test --target {{host}} -p heap-core -p heap-gc --lib --features asan
    cargo +{{nightly}} test --target {{host}} -p tricolor --test it --features asan

# ThreadSanitizer over the tests with several threads, with a standard library built for it: its locks and fences count.
tsan:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! rustc +{{nightly}} --version >/dev/null 2>&1 || [ ! -d "$(rustc +{{nightly}} --print sysroot)/lib/rustlib/src/rust" ]; then
        echo "SKIPPED tsan: there is no toolchain {{nightly}} with rust-src (rustup component add rust-src --toolchain {{nightly}})"
        exit 0
    fi
    export RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/tsan
    cargo +{{nightly}} test -Zbuild-std --target {{host}} -p tricolor --test it -- --test-threads=1 thread collect

# The live page in a headless Chromium: a mouse, keys only, a phone, light and dark. Screenshots are in target/page.
page *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v python3 >/dev/null; then echo "SKIPPED page: there is no python3"; exit 0; fi
    venv="$PWD/target/page-venv"
    if [ ! -x "$venv/bin/python" ] && ! python3 -m venv "$venv"; then echo "SKIPPED page: python3 has no venv"; exit 0; fi
    if ! "$venv/bin/python" -c "import playwright" 2>/dev/null && ! "$venv/bin/pip" install --quiet playwright; then
        echo "SKIPPED page: playwright cannot be installed"; exit 0
    fi
    if ! command -v chromium chromium-browser google-chrome >/dev/null && [ -z "${CHROMIUM:-}" ]; then
        "$venv/bin/python" -m playwright install chromium || { echo "SKIPPED page: there is no Chromium"; exit 0; }
    fi
    cargo build -p heap-lab
    lab="${CARGO_TARGET_DIR:-target}/debug/heap-lab"
    "$venv/bin/python" crates/heap-observe/tests/page/check.py "$lab" target/page "$@" || { code=$?; [ "$code" = 77 ] || exit "$code"; }

# Build every bench. Timing is done by hand: `just bench-run`.
bench:
    cargo bench --workspace --no-run

# Time the benches, or those named.
bench-run *ARGS:
    cargo bench "$@"

# Instruction counts of the hot paths, under valgrind.
counts:
    @if command -v valgrind >/dev/null; then \
        cargo bench --bench counts; \
    else \
        echo "SKIPPED counts: valgrind is not installed (on Debian: apt-get install valgrind)"; \
    fi

# heap-lab on an emulated machine that nobody else runs on (QEMU): `bench pause …` says there what the heap's longest pieces are. Minutes.
emulated *ARGS:
    benches/emulated/run.sh "$@"

# The profiler in a program with frame pointers: its tests, and instructions for each allocation.
frame-pointers:
    #!/usr/bin/env bash
    set -euo pipefail
    export RUSTFLAGS="-C force-frame-pointers=yes" HEAP_PROFILE_FRAME_POINTERS=1 CARGO_TARGET_DIR=target/frame-pointers
    cargo clippy -p heap-profile --features frame-pointers --all-targets -- -D warnings
    cargo test -p heap-profile --features frame-pointers
    cargo bench -p heap-profile --features frame-pointers --bench cost

# The lab: experiments with predictions. Without arguments the headline.
lab *ARGS:
    cargo run --release -p heap-lab -- "$@"

# Every experiment, small, as a page for the browser: target/heap-lab/report.html. Exit code 1 if a claim does not hold.
report *ARGS:
    cargo run --release -p heap-lab -- run all --quick --html target/heap-lab/report.html "$@"

# Publish a run of every experiment: docs/results/run.html, run.md, and run.jsonl with every raw number. Some minutes; `--quick` is shorter.
results *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    mkdir -p docs/results
    code=0
    cargo run --release -p heap-lab -- run all "$@" --json --html docs/results/run.html --markdown docs/results/run.md \
        > docs/results/run.jsonl || code=$?
    # 1 says that a claim does not hold, and the page says which; 2 is an error.
    if [ "$code" -gt 1 ]; then exit "$code"; fi
    echo "docs/results/run.html"

# Cycles and the page allocator from 1 GiB to 16 TiB and 1 to 256 workers, simulated. `--check`: how far off that is here.
simulate *ARGS:
    cargo run --release -p heap-lab -- simulate "$@"

# The lines of `heap-lab escape` beside the Go compiler's: `suite DIR` (the `test` folder of Go's source, say) or `std`. Needs Go.
compare-escape *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v python3 >/dev/null; then echo "SKIPPED compare-escape: there is no python3"; exit 0; fi
    cargo build --release -p heap-lab
    code=0
    python3 crates/heap-escape-go/tests/compare.py "$@" || code=$?
    if [ "$code" -ne 77 ]; then exit "$code"; fi

# Our Lox interpreter beside clox, which you have built: `compare-lox CLOX DIR`, DIR being the book's `test/benchmark`, say.
compare-lox *ARGS:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v python3 >/dev/null; then echo "SKIPPED compare-lox: there is no python3"; exit 0; fi
    cargo build --release -p lox
    python3 examples/lox/tests/compare.py --lox "${CARGO_TARGET_DIR:-target}/release/lox" "$@"

# Build the programs that the lab's figures are compared with, where `heap-lab run peers` looks for them.
peers:
    cargo build --release --manifest-path benches/peers/Cargo.toml --target-dir benches/peers/target
    @if ! command -v go >/dev/null; then \
        echo "SKIPPED the Go peer: go is not installed"; \
    else \
        cd benches/peers/go && go build -o ../target/peers-go .; \
    fi

# Do the peers' programs do what they say? libgc and Go are tested where they are installed.
peers-test:
    cargo clippy --manifest-path benches/peers/Cargo.toml --target-dir benches/peers/target --all-targets -- -D warnings
    cargo test --manifest-path benches/peers/Cargo.toml --target-dir benches/peers/target
    @if ! command -v go >/dev/null; then \
        echo "SKIPPED the Go peer: go is not installed"; \
    else \
        cd benches/peers/go && go vet ./... && go test ./...; \
    fi

# Write the machine code of the allocation fast path to docs/asm/alloc.x86_64.txt.
asm:
    #!/usr/bin/env bash
    set -euo pipefail
    if [ "$(uname -m)" != x86_64 ]; then echo "SKIPPED asm: this is not x86-64"; exit 0; fi
    export CARGO_TARGET_DIR=target/asm
    rm -f target/asm/release/examples/fast_path-*.s
    cargo rustc --release --example fast_path -- --emit asm -C codegen-units=1 -C debuginfo=0 \
        -C llvm-args=-x86-asm-syntax=intel
    mkdir -p docs/asm
    {
        echo "# The allocation fast path as compiled: examples/fast_path.rs, $(rustc --version | cut -d' ' -f1,2), release."
        echo "# Written by 'just asm'. Directives are left out."
        awk '/^[_A-Za-z0-9.$]*fast_path[_A-Za-z0-9.$]*alloc_[_A-Za-z0-9.$]*:/ { on = 1; print "" }
             /\.cfi_endproc/ { on = 0 }
             on && !/^[ \t]*\./ && !/^\.Lfunc/ { print }' target/asm/release/examples/fast_path-*.s
    } > docs/asm/alloc.x86_64.txt
    if ! grep -q "alloc_" docs/asm/alloc.x86_64.txt; then echo "no function was found"; exit 1; fi
    echo "docs/asm/alloc.x86_64.txt: $(wc -l < docs/asm/alloc.x86_64.txt) lines"
