# make bench: every figure, in one run; see tests/bench/README.md.
#   make bench                        1 M names, about a quarter of an hour
#   make bench BENCH_NAMES=100000     a quick one
#   make bench BENCH=updates,slope    these parts alone
#   make bench BENCH=crowd            7,000 TCP clients that do no good, and 200 strangers
#   make bench BENCH=budget           random names while the token is slow
#   make bench BENCH=token-cycles     a token that is killed, hangs and goes, at 20,000 queries a second;
#                                     BENCH_FLAGS="--cycles 200": all of it, a quarter of an hour
#   make bench BENCH_FLAGS=--peers    and the peers that are installed
BENCH_NAMES ?= 1000000
BENCH_FLAGS ?=
BENCH ?=
# sign_loop is of tests/faults/faults.mk.
BENCH_PROGRAMS := udp_blast udp_echo tcp_crowd wire_size update_blast axfr_drain tcp_copy flush_loop

$(BENCH_PROGRAMS:%=$(BUILD)/tests/bench/%): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $< $(GROUP) $(LIB_LIBS) -o $@

bench-programs: $(BENCH_PROGRAMS:%=$(BUILD)/tests/bench/%) $(BUILD)/tests/bench/sign_loop $(FAULT_TOKEN)
bench: all bench-programs
	@$(PYTHON3) tests/bench/run.py --build $(abspath $(BUILD)) --names $(BENCH_NAMES) \
	    $(addprefix --only ,$(BENCH)) $(BENCH_FLAGS)

.PHONY: bench bench-programs
