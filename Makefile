# Everything a newcomer needs: make demo, make test. Targets install what they use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest
# So many tests at once: more than a small machine has cores, as they wait for routers and timers half of their time.
WORKERS ?= 4
# What the tests start: each command with the Debian package that brings it.
TOOLS := snmpd:snmpd snmpget:snmp sshd:openssh-server ip:iproute2 iperf3:iperf3 prometheus:prometheus \
	mosquitto:mosquitto mosquitto_sub:mosquitto-clients victoria-metrics:victoria-metrics systemd-analyze:systemd \
	ssh:openssh-client setpriv:util-linux initdb:postgresql

.PHONY: help demo test test-fast test-system test-measured check format develop wheel soak fuzz bench-snmp bench-ledger bench-quota working-day bench-whatif bench-enforcement lock tools clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.wheel ## the main job against a simulated province (make demo ARGS=--once ends by itself)
	$(BIN)/netmon demo $(ARGS)

test: test-fast test-system test-measured ## every test, WORKERS at once; at the end, alone, what is judged by traffic measured

test-fast: tools $(VENV)/.wheel
	$(PYTEST) -q -n $(WORKERS) --dist worksteal -m "not system" $(ARGS)

test-system: tools $(VENV)/.wheel
	$(PYTEST) -q -n $(WORKERS) --dist worksteal -m "system and not measured" $(ARGS)

test-measured: tools $(VENV)/.wheel
	$(PYTEST) -q -m measured $(ARGS)

check: $(VENV)/.lock ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-logo

format: $(VENV)/.lock ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: tools $(VENV)/.wheel ## 20,000 polls: memory, tasks, threads and descriptors stay constant; then 20,000 histories against the truth
	$(BIN)/python tests/soak.py $(ARGS)
	NETMON_TRUTH_EXAMPLES=20000 $(PYTEST) -q -n 2 tests/truth/test_truth.py

bench-snmp: $(VENV)/.wheel ## the poller beside its peers; root, and gcc libc6-dev prometheus-snmp-exporter collectd-core libsnmp40
	PYTHONPATH=tests $(BIN)/python -m bench.snmp $(ARGS)

bench-ledger: $(VENV)/.wheel ## a synthetic day of 5,000 circuits: ingest, size, and what questions cost
	PYTHONPATH=tests $(BIN)/python -m bench.ledger $(ARGS)

bench-quota: $(VENV)/.wheel ## sharing scarce capacity among 50,000 circuits
	PYTHONPATH=tests $(BIN)/python -m bench.quota $(ARGS)

working-day: $(VENV)/.wheel ## a province that wants four times what it bought, for a day: utilisation, fairness, floors, changes
	PYTHONPATH=tests $(BIN)/python -m bench.working_day $(ARGS)

bench-whatif: $(VENV)/.wheel ## a month of 1,000 agencies replayed under other policies
	PYTHONPATH=tests $(BIN)/python -m bench.whatif $(ARGS)

bench-enforcement: $(VENV)/.wheel ## every limit of 200 simulated routers altered, read back and read again, beside plain Netmiko
	PYTHONPATH=tests $(BIN)/python -m bench.enforcement $(ARGS)

fuzz: $(VENV)/.wheel ## coverage-guided fuzzing of every SNMP decoder for ten minutes (installs atheris)
	test -x build/fuzz/bin/python || $(PYTHON) -m venv build/fuzz
	build/fuzz/bin/pip install --quiet atheris build/wheel/*.whl
	PYTHONPATH=tests build/fuzz/bin/python tests/fuzz/fuzz_snmp.py seeds build/corpus
	PYTHONPATH=tests build/fuzz/bin/python tests/fuzz/fuzz_snmp.py fuzz build/corpus -max_total_time=600 -timeout=3 -max_len=2048

develop: $(VENV)/.lock ## an editable installation, for working on netmon
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $(VENV)/.wheel

wheel: $(VENV)/.wheel ## build and install the wheel that the tests test

# The wheel is rebuilt when anything it ships has changed; what is tested is what is shipped.
SOURCES := $(shell find netmon collectors policies grafana systemd -type f -not -name '*.pyc' 2>/dev/null) pyproject.toml README.md
$(VENV)/.wheel: $(VENV)/.lock $(SOURCES)
	rm -rf build/wheel
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(BIN)/pip install --quiet --no-deps --force-reinstall build/wheel/*.whl
	touch $@

$(VENV)/.lock: requirements.lock
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	touch $@

lock: $(VENV)/.lock ## choose exact versions anew from the ranges in pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --extra demo --extra parquet --extra pictures --extra postgresql --generate-hashes --strip-extras \
		--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml

# Root installs the missing tools; anyone else is told which tests will be skipped for want of them.
tools:
	@missing=""; for tool in $(TOOLS); do \
		PATH="$$PATH:/usr/sbin:/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' :)" command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "Not installed:$$missing. The tests that need them are skipped; as root, make test installs them."; fi

clean: ## remove what the targets made
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
