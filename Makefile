# Marquee. `make demo` and `make test` need Python >= 3.11 and nothing else; the first call installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
MINUTES ?= 10
SEED ?= $(shell date +%s)
BASE ?= HEAD
HOME_DIR ?= var
DATA ?= $(or $(MARQUEE_DATA),../shared/data)
QUALITY ?= var/quality
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate pyproject.toml
unexport PYTHONDONTWRITEBYTECODE # where it is set, every process would compile its libraries anew: some seconds each

# $(1): the ingester, $(2): folder of DATA, $(3): home. Other files than last time are ingested, and learned from, anew.
ingested = now="$$(cat $(DATA)/$(2)/* 2>/dev/null | cksum)"; \
	test "$$now" = "$$(cat $(QUALITY)/$(3)/.source 2>/dev/null)" || \
	{ $(BIN)/marquee ingest $(1) --path $(DATA)/$(2) --home $(QUALITY)/$(3) --replace && \
	echo "$$now" > $(QUALITY)/$(3)/.source; }

# $(1): home. What its protocols recorded goes into docs/quality/, and docs/quality.md is put together anew.
recorded = $(BIN)/python -m training.record.quality_page --home $(QUALITY)/$(1)

.PHONY: damaged-homes faults fuzz quality-page quality-ml1m quality-temporal quality-cold quality-kuairand quality-diversity quality-ope quality-sources help docs demo test test-slow check format bench bench-catalog bench-onboarding equal proto kafka kafka-stop spark lock clean

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(INSTALLED) ## simulate, train, serve and talk to a home page (ARGS=--once stops at the end)
	@$(BIN)/marquee demo $(ARGS)

test: $(INSTALLED) ## the complete default test suite
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ARGS)

test-slow: $(INSTALLED) ## what takes minutes: a packaged Bento in both forms, the examples served, whole data sets
	@$(BIN)/python -m pytest -m slow --timeout 3600 $(ARGS)

faults: $(INSTALLED) ## 100,000 pages while each part is killed and paused, 100 releases in turn, 1,000 damaged ones: half an hour
	@$(BIN)/python -m pytest -q -s -m slow --timeout 7200 tests/faults/test_pages_whatever_fails.py \
		tests/faults/test_hot_swaps.py tests/faults/test_corrupted_releases.py $(ARGS)

damaged-homes: $(INSTALLED) ## every verb in homes of which one file is cut short, each in turn: an hour of two cores (ARGS="-k keys": some)
	@$(BIN)/python -m pytest -v -n 2 -m slow tests/faults/test_damaged_homes.py $(ARGS)

fuzz: $(INSTALLED) ## 10,000 requests made of the API's document, and MINUTES of hypothesis over the decoders (ARGS="--fuzz-cases 500")
	@$(BIN)/python -m pytest -q -s tests/fuzz/test_api.py --fuzz-cases 10000 --fuzz-seed $(SEED) $(ARGS)
	@end=$$(( $$(date +%s) + 60 * $(MINUTES) )); while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/python -m pytest -q tests/fuzz --ignore tests/fuzz/test_api.py --hypothesis-profile fuzz --timeout 3600 || exit 1; done

check: $(INSTALLED) ## types, lint, format, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

random-pages: $(INSTALLED) ## pages of ten thousand random catalogs, each checked from its own fields (ARGS=100: fewer): ten minutes
	@PYTHONPATH=tests $(BIN)/python -m worlds.ruled_pages $(or $(ARGS),10000)

bench: $(INSTALLED) ## stage latencies, throughput, freshness, training time: one table, recorded in docs/quality.md
	@$(BIN)/python tests/benchmarks/bench.py $(or $(ARGS),--record)

bench-catalog: $(INSTALLED) ## what a page costs by the size of the catalog, recorded in docs/quality.md
	@$(BIN)/python tests/benchmarks/catalog_size.py $(or $(ARGS),--record)

bench-onboarding: $(INSTALLED) ## what five picks of a new viewer are worth beside what is popular, recorded in docs/quality.md (a home with a champion: HOME_DIR)
	@$(BIN)/python tests/benchmarks/onboarding.py --home $(HOME_DIR) $(or $(ARGS),--record)

bench-serve: $(INSTALLED) ## pages per second and latencies under few and many callers, beside an empty BentoML endpoint, recorded in docs/quality.md
	@$(BIN)/python tests/benchmarks/bench_serve.py $(or $(ARGS),--record)

proto: $(INSTALLED) ## make the gRPC code again from bento_services/rpc/marquee.proto
	@$(BIN)/python -m bento_services.rpc.generate

equal: $(INSTALLED) ## ask another revision and this tree the same questions: make equal BASE=HEAD~1 (a home with a champion: HOME_DIR)
	@rm -rf var/equal && git worktree prune && git worktree add -q var/equal $(BASE)
	@$(BIN)/python tests/benchmarks/equal_answers.py digest --home $(HOME_DIR) --root var/equal --out var/equal-old.json
	@$(BIN)/python tests/benchmarks/equal_answers.py digest --home $(HOME_DIR) --out var/equal-new.json
	@git worktree remove --force var/equal
	@$(BIN)/python tests/benchmarks/equal_answers.py compare var/equal-old.json var/equal-new.json

quality-ml1m: $(INSTALLED) ## retrieval on MovieLens 1M, leave-one-out, beside tuned baselines (ARGS="--seeds 0": a part of it)
	@$(call ingested,movielens,ml-1m,ml1m)
	@$(BIN)/marquee evaluate --protocol a1 --home $(QUALITY)/ml1m $(ARGS)
	@$(call recorded,ml1m)

quality-temporal: $(INSTALLED) ## retrieval on MovieLens 1M after one instant in time for everybody
	@$(call ingested,movielens,ml-1m,ml1m)
	@$(BIN)/marquee evaluate --protocol a3 --home $(QUALITY)/ml1m $(ARGS)
	@$(call recorded,ml1m)

quality-cold: $(INSTALLED) ## new videos and new viewers, on MovieLens 1M and a simulated world
	@$(call ingested,movielens,ml-1m,ml1m)
	@test -f $(QUALITY)/simulated/world.json || $(BIN)/marquee simulate --end 2026-11-21 --home $(QUALITY)/simulated
	@$(BIN)/marquee evaluate --protocol new_videos --home $(QUALITY)/simulated $(ARGS)
	@$(BIN)/marquee evaluate --protocol new_viewers --home $(QUALITY)/simulated $(ARGS)
	@$(BIN)/marquee evaluate --protocol who_asks --home $(QUALITY)/simulated $(ARGS)
	@$(BIN)/marquee evaluate --protocol new_videos --home $(QUALITY)/ml1m $(ARGS)
	@$(BIN)/marquee evaluate --protocol new_viewers --home $(QUALITY)/ml1m $(ARGS)
	@$(call recorded,ml1m)
	@$(call recorded,simulated)

quality-diversity: $(INSTALLED) ## what variety costs on MovieLens 1M: curves, and the trade-off they choose
	@$(call ingested,movielens,ml-1m,ml1m)
	@$(BIN)/marquee frontier --seeds 0,1,2 --home $(QUALITY)/ml1m $(ARGS)
	@$(call recorded,ml1m)

quality-ope: $(INSTALLED) ## off-policy estimators against known truths: a synthetic log, and Open Bandit
	@$(BIN)/marquee off-policy --synthetic --home $(QUALITY)/ope $(ARGS)
	@$(BIN)/marquee off-policy --open-bandit $(DATA)/obd-small --home $(QUALITY)/ope $(ARGS)
	@$(call recorded,ope)

quality-kuairand: $(INSTALLED) ## the ranker on KuaiRand's real exposures beside LightGBM and simple rates
	@$(call ingested,kuairand,kuairand-pure,kuairand)
	@$(BIN)/marquee evaluate --protocol kuairand --home $(QUALITY)/kuairand $(ARGS)
	@$(call recorded,kuairand)

quality-sources: $(INSTALLED) ## what each source of candidates finds and all together; videos that few have watched
	@test -f $(QUALITY)/simulated/world.json || $(BIN)/marquee simulate --end 2026-11-21 --home $(QUALITY)/simulated
	@test -d $(QUALITY)/simulated/models/blend || $(BIN)/marquee train two-tower --home $(QUALITY)/simulated
	@$(call ingested,kuairand,kuairand-pure,kuairand)
	@test -d $(QUALITY)/kuairand/models/blend || $(BIN)/marquee train two-tower --home $(QUALITY)/kuairand
	$(BIN)/marquee evaluate --protocol sources --home $(QUALITY)/simulated
	$(BIN)/marquee evaluate --protocol sources --home $(QUALITY)/kuairand
	$(BIN)/marquee evaluate --protocol cold_start --home $(QUALITY)/simulated
	@$(call recorded,simulated)
	@$(call recorded,kuairand)

quality-page: $(INSTALLED) ## put docs/quality.md together from docs/quality/
	@$(BIN)/python -m training.record.quality_page

docs: $(INSTALLED) ## write the pages of docs/ that follow from the code
	@$(BIN)/python -m feature_repo.listing
	@$(BIN)/marquee config document docs/operations.md

kafka: $(INSTALLED) ## fetch Apache Kafka with Maven and start one broker on loopback (Java 17 and Maven)
	@$(BIN)/python infra/kafka/broker.py start

kafka-stop: ## stop that broker
	@$(BIN)/python infra/kafka/broker.py stop

spark: $(INSTALLED) ## add Spark to .venv (an extra: `marquee features --engine spark`; needs Java 17)
	@# Built from source, it would leave 1.4 GB in uv's cache, each time anew where the registry sends no cache headers.
	@$(BIN)/uv pip install -q --no-cache --python $(BIN)/python -c requirements/dev.lock "pyspark>=4.0"

# A role pins what the dev lock pins.
lock: $(INSTALLED) ## pin the dependencies of pyproject.toml anew, as little changed as possible (ARGS=--upgrade: all to the newest)
	@$(COMPILE) --extra dev -o requirements/dev.lock $(ARGS)
	@for role in serve work train; do \
		rm -f requirements/$$role.lock && $(COMPILE) --extra $$role -c requirements/dev.lock -o requirements/$$role.lock || exit 1; done

clean: ## remove what was installed and written here
	rm -rf $(VENV) var dist tests/worlds/npm/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Marquee needs Python 3.11 or newer: make PYTHON=python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install -q "uv>=0.8"
	@$(BIN)/uv pip install -q --python $(BIN)/python -r requirements/dev.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@
