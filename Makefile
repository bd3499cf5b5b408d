# Every task of the project. `make` alone lists them; CI calls the same ones.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# What to test, lint or measure, and which tests: make test PKG=./internal/store/... RUN=TestClaim
PKG ?= ./...
RUN ?=
# "real" makes `make run` talk to WhatsApp itself instead of the simulation.
WHATSAPP ?=

# The linter is built once per version of itself and of Go, outside the checkout, so that a fresh clone has it too.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/chasqui
LINTER := $(CACHE)/golangci-lint-$(shell cat tools/go.mod tools/go.sum 2>/dev/null | cksum | cut -d ' ' -f 1)-$(shell go env GOVERSION)

# Runs a command with a private Postgres and Redis, or with those that DATABASE_URL and REDIS_URL name.
WITH_SERVICES := bin/withservices --

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: web/try build ## Run everything on this machine; WHATSAPP=real for WhatsApp itself
	@exec bin/chasqui dev $(if $(WHATSAPP),--whatsapp=$(WHATSAPP))

.PHONY: test
test: withservices ## Run every test with the race detector, on a Postgres and Redis of its own, then the dashboard's in a browser
	@$(WITH_SERVICES) go test -race -timeout 9m $(if $(RUN),-run '$(RUN)') $(PKG)
	@$(if $(RUN)$(filter-out ./...,$(PKG)),,$(MAKE) test/web/try)

.PHONY: test/short
test/short: withservices ## Run the quick tests, without the race detector
	@$(WITH_SERVICES) go test -short -timeout 5m $(if $(RUN),-run '$(RUN)') $(PKG)

# Every FuzzX of the tree; what breaks one is kept in its package's testdata/fuzz and tried by every later test run.
.PHONY: fuzz
fuzz: ## Throw nonsense at every parser: make fuzz FOR=60s PKG=./internal/wa
	@for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' $(patsubst ./%,%,$(patsubst %/...,%,$(if $(filter ./...,$(PKG)),internal,$(PKG)))) | xargs -n 1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$pkg/*_test.go | cut -d ' ' -f 2); do \
	    echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FOR),60s) -parallel 2 ./$$pkg; \
	  done; \
	done

.PHONY: lint
lint: $(LINTER) ## Check the code; reasons for each check stand in .golangci.yml
	@$(LINTER) run $(PKG)

.PHONY: fmt
fmt: $(LINTER) ## Format the code
	@$(LINTER) fmt

.PHONY: bench
bench: ## Measure the platform beside its bare parts: make bench ARGS='-quick', '-only accept,send', '-write docs/bench.md'
	@go test -c -o bin/bench ./internal/bench
	@bin/bench -figures $(ARGS)

.PHONY: chaos
chaos: ## Break one thing after the other on a running platform (5 min); SEED=n replays, FAULTS=F4,F9 picks
	@go test -tags chaos -count 1 -v -run '^(TestShort|TestASeedReplays)$$' -timeout 15m ./internal/chaos $(if $(SEED),-seed $(SEED)) $(if $(FAULTS),-faults $(FAULTS))

.PHONY: chaos/long
chaos/long: ## Break random things for a while: FOR=30m, SEED=n replays
	@go test -tags chaos -count 1 -v -run '^TestLong$$' -timeout 24h ./internal/chaos -for $(or $(FOR),30m) $(if $(SEED),-seed $(SEED))

.PHONY: chaos/plants
chaos/plants: ## Build in five known mistakes and see that the failure tests notice each
	@go test -tags chaos -count 1 -v -run '^TestPlants$$' -timeout 40m ./internal/chaos

.PHONY: chaos/clock
chaos/clock: ## Let clocks jump by an hour, by a standard library that is built for it
	@go test -tags chaos -count 1 -v -run '^TestClock$$' -timeout 40m ./internal/chaos

.PHONY: build
build: ## Build every program into bin/
	@echo 'Building; the first time takes a minute or two.'
	@go build -trimpath -o bin/ ./cmd/...

.PHONY: image
image: ## Build the image; RELEASE=1 refuses bases that are not named by digest
	@deploy/image $(if $(RELEASE),--release)

.PHONY: vulnerabilities
vulnerabilities: ## Look up what is known of the modules and packages that are delivered (needs vuln.go.dev and npm)
	@.ci/vulnerabilities

.PHONY: generate
generate: ## Rewrite the generated files, those of the dashboard if npm is there
	@go generate ./...
	@if command -v npm >/dev/null; then $(MAKE) $(WEB_MODULES) && npm --prefix web run --silent api; else echo 'No npm: web/src/api/generated stays as it is.'; fi

.PHONY: verify
verify: generate ## Fail when a generated file is not what generation makes
	@git diff --exit-code || { echo 'Generated files are out of date: run make generate and commit.' >&2; exit 1; }

.PHONY: migrate
migrate: build ## Bring the database that DATABASE_URL names to the newest schema
	@bin/chasqui migrate up

# The dashboard needs Node 20.19 or newer. Its files are embedded: build it before the programs.
WEB_MODULES := web/node_modules/.package-lock.json

.PHONY: web
web: web/dist/index.html ## Build the dashboard, when its sources have changed

web/dist/index.html: $(WEB_MODULES) $(shell find web/src web/public web/index.html web/package.json web/*.ts web/tsconfig.json -type f 2>/dev/null)
	@npm --prefix web run --silent build

$(WEB_MODULES): web/package-lock.json
	@npm ci --prefix web --no-audit --no-fund
	@touch $@

.PHONY: web/try
web/try:
	@if ! command -v npm >/dev/null; then echo 'No npm: the dashboard is left out, the API works all the same.'; \
	elif ! $(MAKE) web; then echo 'The dashboard could not be built (Node 20.19 or newer is needed); the API works all the same.'; fi

# A machine without Node or a browser can test the rest; CI must have both.
.PHONY: test/web/try
test/web/try:
	@if [ -n "$(CI)" ] || { command -v npm && command -v chromium; } >/dev/null; then $(MAKE) test/web; \
	else echo 'NOT TESTED: the dashboard. It needs Node 20.19 or newer and Chromium (Debian: apt-get install npm chromium).'; fi

.PHONY: test/web
test/web: web build ## Check the dashboard's code, test it, and use it in a browser (Debian: apt-get install chromium)
	@npm --prefix web run --silent check
	@npm --prefix web run --silent test
	@npm --prefix web run --silent journey
	@npm --prefix web run --silent manage
	@npm --prefix web run --silent signon
	@npm --prefix web run --silent scroll
	@npm --prefix web run --silent connect
	@npm --prefix web run --silent pages

.PHONY: shots
shots: web build ## Take pictures of every page into web/shots
	@npm --prefix web run --silent shots

.PHONY: clean
clean: ## Remove what was built; the data of `make run` stays in .run
	@rm -rf bin web/dist/assets web/dist/index.html web/dist/icon.svg web/dist/theme.js

.PHONY: withservices
withservices:
	@go build -o bin/withservices ./internal/devstack/cmd/withservices

$(LINTER):
	@echo 'Building golangci-lint, once: a minute or two.'
	@mkdir -p $(CACHE)
	@go build -C tools -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
