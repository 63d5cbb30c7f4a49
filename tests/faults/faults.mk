# What fails on order; included by tests/tests.mk.

# A PKCS#11 module before the real one. A sanitizer's runtime cannot come in by dlopen, so it is
# always built without.
FAULT_TOKEN := $(BUILD)/tests/faults/token.so
$(FAULT_TOKEN): tests/faults/token.c config.mk
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_CPPFLAGS) -std=gnu17 -O2 -g $(WARNINGS) $(CFLAGS) -fPIC -fvisibility=hidden \
	    -shared -pthread $< -o $@ -ldl

# The unit tests of the floor look for it beside themselves.
$(BUILD)/tests/unit/test_pkcs11 $(BUILD)/tests/unit/test_pkcs11_failures: | $(FAULT_TOKEN)
$(BUILD)/tests/unit/test_signer_faults: | $(FAULT_TOKEN)

# The bare rate of a token, against which the daemon's is measured.
SIGN_LOOP := $(BUILD)/tests/bench/sign_loop
$(SIGN_LOOP): $(BUILD)/tests/bench/sign_loop.o $(BUILD)/lib/libpkcs11.a $(BUILD)/lib/libbase.a
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -o $@

# The daemon with a disk, a clock and processes that fail on order: what is linked into the program
# comes before libraries.
FAULT_DAEMON := $(BUILD)/tests/faults/avowd-faults
FAULT_OBJECTS := $(patsubst %,$(BUILD)/tests/faults/%.o,orders disk clock process)
$(FAULT_DAEMON): $(FAULT_OBJECTS) $(call objects,avowd) $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $(call objects,avowd) $(FAULT_OBJECTS) -Wl,--start-group $(LIBRARIES) \
	    -Wl,--end-group $(LIB_LIBS) -rdynamic -ldl -o $@

# Stores as power failures would have left them, and damage to a store that no seal tells.
POWER_FAIL := $(BUILD)/tests/power/power_fail
SPOIL := $(BUILD)/tests/faults/spoil
$(POWER_FAIL) $(SPOIL): %: %.o $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $< $(GROUP) $(LIB_LIBS) -o $@
