# The targets that test; included by the Makefile at the top.

# First, for others need what it names: a prerequisite is expanded where it is read.
-include tests/faults/faults.mk

# Unit tests: tests/unit/test_NAME.c, one program each, linked with every floor.
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
UNIT_SUPPORT := $(BUILD)/tests/unit/support.o $(BUILD)/tests/libsupport.a

$(BUILD)/tests/unit/%.o $(BUILD)/tests/support/%.o: ALL_CPPFLAGS += $(CHECK_CFLAGS) -Itests/unit -Itests/support
# What several kinds of tests share; an archive, so that a test takes only what it uses.
$(BUILD)/tests/libsupport.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
	@rm -f $@
	$(QUIET)$(AR) rcs $@ $^
$(UNIT_PROGRAMS): $(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(UNIT_SUPPORT) $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $< $(UNIT_SUPPORT) $(GROUP) $(LIB_LIBS) $(CHECK_LIBS) -o $@

check-unit: $(UNIT_PROGRAMS)
	@failed=0; for t in $(UNIT_PROGRAMS); do $$t || { failed=1; echo "FAILED: $$t"; }; done; exit $$failed

# Fuzz targets: tests/fuzz/fuzz_NAME.c with clang's libFuzzer; seeds in tests/fuzz/seeds/NAME.
# `make fuzz FUZZ_SECONDS=N` runs each for N seconds; the targets must never crash, leak or hang.
FUZZ_SECONDS ?= 10
FUZZ_BUILD := $(BUILD)/fuzz
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz-build:
	$(MAKE) CC=clang BUILD=$(FUZZ_BUILD) SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
fuzz-programs: $(FUZZ_NAMES:%=$(BUILD)/fuzz_%)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/sections.o $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $< $(BUILD)/tests/fuzz/sections.o $(GROUP) $(LIB_LIBS) -o $@
fuzz: fuzz-build
	@for n in $(FUZZ_NAMES); do \
	    mkdir -p $(FUZZ_BUILD)/corpus/$$n tests/fuzz/seeds/$$n; \
	    echo "fuzz $$n"; \
	    $(FUZZ_BUILD)/fuzz_$$n -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
	        -print_final_stats=1 -verbosity=0 -artifact_prefix=$(FUZZ_BUILD)/$$n- \
	        $(FUZZ_BUILD)/corpus/$$n tests/fuzz/seeds/$$n || exit 1; \
	done

# Which lines of the parsers (tests/fuzz/parsers) the targets reach; fails below COVERAGE_LEAST percent.
COVERAGE_LEAST ?= 90
COVERAGE_BUILD := $(BUILD)/coverage
fuzz-coverage:
	$(MAKE) CC=clang BUILD=$(COVERAGE_BUILD) SANITIZE=fuzzer-no-link LDFLAGS=-fprofile-instr-generate \
	    CFLAGS='-fprofile-instr-generate -fcoverage-mapping' fuzz-programs
	tests/fuzz/coverage $(COVERAGE_BUILD) $(FUZZ_SECONDS) $(COVERAGE_LEAST)

# `make check` installs what the tests need when it can, then runs them all, cheapest first.
check:
	@sh etc/dependencies.sh --test
	@$(MAKE) -j2 all
	@$(MAKE) check-floors check-docs check-unit check-answers check-flips check-links check-hostile check-fuzz check-scenario

# A taste of each fuzz target; `make fuzz FUZZ_SECONDS=600` for a campaign.
check-fuzz:
	@$(MAKE) fuzz FUZZ_SECONDS=2

# Manual pages and shell completion are as the programs are.
check-docs: $(BUILD)/avowctl
	@tests/docs $(BUILD)

# A test asks for more memory than there is: it is to be refused, as without a sanitizer.
check-sanitizers: export ASAN_OPTIONS := allocator_may_return_null=1
check-sanitizers: export TSAN_OPTIONS := allocator_may_return_null=1
check-sanitizers:
	$(MAKE) CC=clang SANITIZE=address,undefined BUILD=$(BUILD)/asan check-unit
	$(MAKE) CC=clang SANITIZE=thread BUILD=$(BUILD)/tsan check-unit

# Scenarios: the real daemon and real peers, on loopback. SCENARIO=name picks some.
SCENARIO ?=
# The system's own Python has what the packages brought; another one may come first in PATH.
PYTHON3 ?= $(firstword $(foreach python,/usr/bin/python3 python3,\
             $(shell $(python) -c 'import pytest, dns' 2>/dev/null && echo $(python))) python3)
PYTEST ?= $(PYTHON3) -B -m pytest
SCENARIO_PROGRAMS := $(FAULT_TOKEN) $(FAULT_DAEMON) $(POWER_FAIL) $(SPOIL) $(BUILD)/tests/bench/tcp_crowd
check-scenario: all $(SCENARIO_PROGRAMS)
	AVOW_BUILD=$(abspath $(BUILD)) $(PYTEST) -q -p no:cacheprovider tests/scenario $(if $(SCENARIO),-k '$(SCENARIO)')

# The long ones: kills, comparisons on everything, fuzzing.
campaign: all $(SCENARIO_PROGRAMS) $(BUILD)/tests/unit/test_tsig_mutation
	AVOW_BUILD=$(abspath $(BUILD)) AVOW_CAMPAIGN=1 $(PYTEST) -q -p no:cacheprovider tests/scenario $(if $(SCENARIO),-k '$(SCENARIO)')
	AVOW_CAMPAIGN=1 $(BUILD)/tests/unit/test_tsig_mutation
	$(MAKE) check-flips FLIPS_TURNS=10000
	$(MAKE) fuzz FUZZ_SECONDS=$(or $(CAMPAIGN_FUZZ_SECONDS),120)

# Everything at once for an hour, with signatures that live for ten minutes.
SOAK_SECONDS ?= 3600
soak: all
	AVOW_BUILD=$(abspath $(BUILD)) AVOW_SOAK=$(SOAK_SECONDS) $(PYTEST) -q -s -p no:cacheprovider tests/scenario/test_soak.py

# Style: format, clang-tidy, sizes of functions and files.
LINT_SOURCES = $(wildcard src/*/*.c src/*/*.h include/avow/*/*.h tests/*/*.c tests/*/*.h)
lint:
	clang-format --dry-run --Werror $(LINT_SOURCES)
	python3 tests/sizes.py
	clang-tidy --quiet $(wildcard src/*/*.c) -- $(ALL_CPPFLAGS) -std=gnu17 -pthread

.PHONY: check check-docs check-fuzz check-sanitizers check-scenario campaign soak lint check-unit fuzz fuzz-build fuzz-programs fuzz-coverage

-include tests/hostile/hostile.mk
-include tests/floors.mk
-include tests/bench/bench.mk
-include tests/answers/answers.mk
