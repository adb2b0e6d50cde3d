# `make help` lists the targets. Everything needs Go and nothing else.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0

.PHONY: help check test bench soak fuzz demo emulators dist terraform lint-terraform

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: ## everything that must hold before a change lands; what CI runs
	./.ci/check

test: ## the README's test command
	$(GO) test ./...

bench: ## speed and memory of the chain, transforms, several workers, cold starts; fails where a bar is missed
	@missed=0; for part in bench "bench -transforms" "bench -workers" bench/coldstart; do $(GO) run ./localdev/$$part || missed=1; done; exit $$missed

soak: ## the crash test in full (200 files, 2,000 events, 60 kills); 100 million unique keys in 256 MiB
	SALLYPORT_TEST_KEYS=100 SALLYPORT_TEST_MEMORY=224 $(GO) test -count=1 -run TestMany -v ./shared/keyset
	SALLYPORT_SOAK=full $(GO) test -count=1 -timeout 60m -run 'TestNothingLost' -v ./localdev/internal/soak

fuzz: ## every fuzz target for FUZZTIME (default 1m)
	./.ci/fuzz $(or $(FUZZTIME),1m)

demo: ## the three stories, end to end
	$(GO) run ./localdev/sallyport demo

emulators: ## install what sallyport emulate runs; needs npm, too
	./localdev/emulators/install

dist: ## Lambda zips, images, SBOMs and checksums into dist/
	$(GO) run ./localdev/dist -out dist -version $(or $(VERSION),dev)

terraform: ## fmt, validate and test what is under infra/terraform, where terraform is installed
	./.ci/terraform

lint-terraform: ## tflint, which is installed where it can be
	./.ci/lint-terraform
