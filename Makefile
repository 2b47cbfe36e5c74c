# Two commands do all the set-up on a fresh machine: `make demo` and `make test`. Each says what it installs first.
#   ENGINE=auto     Docker; `make demo` falls back to the process engine where there is no Docker (the default)
#   ENGINE=docker   Docker or nothing
#   ENGINE=process  go without Docker, knowingly
#   ARGS=...        more arguments for pytest, the demo or the benchmark
ENGINE ?= auto
ARGS ?=
READY := .venv/.ready
export ENGINE

.PHONY: demo test check bench clean help

help:
	@sed -n '1,6s/^# *//p' Makefile; echo "targets: demo test check bench clean"

demo: $(READY)
	@scripts/with-engine --or-process --languages sh -c '.venv/bin/lambdarig reproduce --all --engine "$$LAMBDARIG_ENGINE" $(ARGS)'

test: check
	@scripts/with-engine --compose --languages .venv/bin/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(READY)
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest tests/test_structure.py

bench: $(READY)
	@scripts/with-engine .venv/bin/python benchmarks/run.py $(ARGS)

clean:
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml scripts/venv scripts/lib.sh
	@scripts/venv
