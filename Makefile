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
run: build ## Run everything on this machine; WHATSAPP=real for WhatsApp itself
	@exec bin/chasqui dev $(if $(WHATSAPP),--whatsapp=$(WHATSAPP))

.PHONY: test
test: withservices ## Run every test with the race detector, on a Postgres and Redis of its own
	@$(WITH_SERVICES) go test -race -timeout 9m $(if $(RUN),-run '$(RUN)') $(PKG)

.PHONY: test/short
test/short: withservices ## Run the quick tests, without the race detector
	@$(WITH_SERVICES) go test -short -timeout 5m $(if $(RUN),-run '$(RUN)') $(PKG)

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

.PHONY: generate
generate: ## Rewrite the generated files
	@go generate ./...

.PHONY: verify
verify: generate ## Fail when a generated file is not what generation makes
	@git diff --exit-code || { echo 'Generated files are out of date: run make generate and commit.' >&2; exit 1; }

.PHONY: migrate
migrate: build ## Bring the database that DATABASE_URL names to the newest schema
	@bin/chasqui migrate up

.PHONY: clean
clean: ## Remove what was built; the data of `make run` stays in .run
	@rm -rf bin

.PHONY: withservices
withservices:
	@go build -o bin/withservices ./internal/devstack/cmd/withservices

$(LINTER):
	@echo 'Building golangci-lint, once: a minute or two.'
	@mkdir -p $(CACHE)
	@go build -C tools -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
