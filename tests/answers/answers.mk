# Questions and expected answers, in process; included by tests/tests.mk. The world of these tests is
# made by the keeper's own code from text to nodes.
ANSWERS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/answers/run.c tests/answers/flips.c,$(wildcard tests/answers/*.c)))
ANSWERS_OBJECTS += $(patsubst %,$(BUILD)/src/keeper/%.o,compose soa)
ANSWERS_RUN := $(BUILD)/tests/answers/run
FLIPS := $(BUILD)/tests/answers/flips
ANSWER_LOOP := $(BUILD)/tests/bench/answer_loop
TRANSFER_LOOP := $(BUILD)/tests/bench/transfer_loop

$(BUILD)/tests/answers/%.o $(ANSWER_LOOP).o $(TRANSFER_LOOP).o $(BUILD)/tests/fuzz/fuzz_query.o: \
    ALL_CPPFLAGS += -Isrc/keeper -Itests/support -Itests/answers

$(ANSWERS_RUN) $(FLIPS) $(ANSWER_LOOP) $(TRANSFER_LOOP): %: %.o $(ANSWERS_OBJECTS) $(BUILD)/tests/libsupport.a $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $< $(ANSWERS_OBJECTS) $(BUILD)/tests/libsupport.a $(GROUP) $(LIB_LIBS) -o $@

$(BUILD)/fuzz_query: $(ANSWERS_OBJECTS) $(BUILD)/tests/libsupport.a
$(BUILD)/fuzz_query: ALL_LDFLAGS += $(ANSWERS_OBJECTS) $(BUILD)/tests/libsupport.a

check-answers: $(ANSWERS_RUN)
	$(ANSWERS_RUN) $(sort $(wildcard tests/answers/*.qa))

# Faults of the disk: 10,000 in the campaign, some hundred in check.
FLIPS_TURNS ?= 600
check-flips: $(FLIPS)
	TMPDIR=$(firstword $(wildcard /dev/shm) /tmp) $(FLIPS) $(FLIPS_TURNS)

.PHONY: check-answers check-flips

# Unit tests of the floor that need a store of zones.
ANSWERS_UNITS := $(patsubst %,$(BUILD)/tests/unit/test_answer_%,finish missing cache)
$(ANSWERS_UNITS): $(ANSWERS_OBJECTS)
$(ANSWERS_UNITS): UNIT_SUPPORT += $(ANSWERS_OBJECTS) $(BUILD)/tests/libsupport.a
$(ANSWERS_UNITS:%=%.o): ALL_CPPFLAGS += -Itests/answers
