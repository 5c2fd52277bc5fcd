# gorepo. "make help" lists what there is; each target is a few plain go commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# golangci-lint differs from release to release: this one, from PATH or else built into .cache.
LINT_VERSION := 2.15.0
export PATH := $(CURDIR)/.cache/bin:$(PATH)

.PHONY: build
build: ## bin/gorepo: static, with its version
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/gorepo ./cmd/gorepo

# Many tests wait for servers that are slow on purpose: four at a time keep two cores busy.
.PHONY: test
test: ## all tests, with the race detector; those whose real counterpart is missing are skipped (see test-deps)
	$(GO) test -race -parallel 4 -timeout 25m ./...

.PHONY: lint
lint: golangci-lint ## vet, go.mod, format, linters
	$(GO) vet ./...
	$(GO) mod tidy -diff
	golangci-lint fmt --diff
	golangci-lint run

.PHONY: golangci-lint
golangci-lint:
	@[[ "$$(golangci-lint version --short 2>/dev/null)" == "$(LINT_VERSION)" ]] || ( set -x; \
		GOBIN=$(CURDIR)/.cache/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINT_VERSION) )

.PHONY: demo
demo: build ## mirrors a repository, rebuilds its metadata and serves it (DEMO_SERVE=0: ends instead)
	@GOREPO=bin/gorepo scripts/demo.sh

# The trees are those of docs/benchmarks.md. BENCH="-tree 100 -rounds 1" is another measurement; "go run ./internal/bench
# -help" has the rest.
.PHONY: bench
bench: build ## gorepo beside createrepo_c, dnf reposync and nginx, as ratios; pages and their index
	$(GO) run ./internal/bench -gorepo bin/gorepo -run '^(serve|index|pages)' -rounds 3 -tree 1 $(BENCH)
	$(GO) run ./internal/bench -gorepo bin/gorepo -run createrepo -tree 5000:55000:60,30000:13000:150,1000:3200000 $(BENCH)
	$(GO) run ./internal/bench -gorepo bin/gorepo -run '^sync' -tree 5000:55000:60 -rounds 3 $(BENCH)
	$(GO) run ./internal/bench -gorepo bin/gorepo -run '^sync.*(first|unchanged)$$' -tree 1000:3200000,30000:13000:150 -rounds 3 $(BENCH)

# What takes long to build stays in .cache/parity. Say PARITY="-run databases -v" for some of it; "go run ./internal/parity
# -help" has the rest.
.PHONY: parity
parity: build ## proves that gorepo createrepo makes what createrepo_c makes; some minutes
	$(GO) run ./internal/parity -gorepo bin/gorepo $(PARITY)

# An input that reaches new code is shortened for up to a minute by default: on few cores nothing else happens then.
FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@$(GO) test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ { targets[n++] = $$1 } $$1 == "ok" { for (i = 0; i < n; i++) print $$2, targets[i]; n = 0 }' | \
	while read -r package target; do \
		echo "$$package $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$package" </dev/null; \
	done

# Without the race detector, whose memory would be measured too.
.PHONY: hostile
hostile: ## broken packages and metadata, kills, full and failing disks, by the thousand, and every combination of reposync's flags (an hour; "make test" has a little of each)
	GOREPO_SOAK=1 $(GO) test -count=1 -v -timeout 90m -run '^Test(Hostile|Soak)' ./cmd/gorepo

.PHONY: testdata
testdata: ## builds testdata/rpms and testdata/golden again
	testdata/build.sh

# What the tests compare gorepo with, and what they need to do so; the C compiler is for the race detector.
DEBS := aria2 chromium createrepo-c curl dnf dnf-plugins-core fonts-dejavu-core gcc gnupg libc6-dev libsolv-tools libxml2-utils nginx openssl \
	prometheus python3 python3-createrepo-c python3-dnf python3-libdnf python3-solv rpm sqlite3 strace systemd \
	util-linux wget wrk xz-utils zchunk zstd

# What judges whether pages can be used by everybody. It is fetched by npm, where there is one, and not part of gorepo.
AXE_VERSION := 4.14.1

.PHONY: test-deps
test-deps: axe ## installs the Debian packages that the tests want, as root or with sudo
	@missing=(); for p in $(DEBS); do \
		[[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" == installed ]] || missing+=($$p); \
	done; \
	if (( $${#missing[@]} == 0 )); then echo "test-deps: all there: $(DEBS)"; exit; fi; \
	as_root=(env DEBIAN_FRONTEND=noninteractive); (( $$(id -u) == 0 )) || as_root=(sudo "$${as_root[@]}"); \
	echo "test-deps: installing with apt-get: $${missing[*]}"; \
	"$${as_root[@]}" apt-get update -qq; \
	"$${as_root[@]}" apt-get install -y -qq --no-install-recommends "$${missing[@]}"

.PHONY: axe
axe:
	@[[ "$$(grep -m1 '"version"' .cache/axe/node_modules/axe-core/package.json 2>/dev/null)" == *'"$(AXE_VERSION)"'* ]] && exit; \
	if ! command -v npm >/dev/null; then echo "test-deps: no npm, so no axe-core: the test of pages that needs it is skipped"; exit; fi; \
	mkdir -p .cache/axe; \
	npm install --prefix .cache/axe --no-save --no-audit --no-fund --ignore-scripts --loglevel=error axe-core@$(AXE_VERSION)

# One name, or a few: make screenshots SHOTS="-only ^package".
.PHONY: screenshots
screenshots: build ## takes the pictures in docs/images again, with Chromium
	$(GO) run ./internal/screenshots -gorepo bin/gorepo $(SHOTS) docs/images

.PHONY: clean
clean: ## removes what was built
	rm -rf bin .cache coverage.out

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile
