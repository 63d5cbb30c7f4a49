# Each room, taken over, tries what it must be unable to do. A program confines itself with the room's
# own function, for real.
HOSTILE_ROOMS := front veil
HOSTILE_PROGRAMS := $(HOSTILE_ROOMS:%=$(BUILD)/tests/hostile/%)

HOSTILE_OBJECTS := $(BUILD)/tests/hostile/acts.o $(BUILD)/tests/hostile/run.o

$(HOSTILE_PROGRAMS): %: %.o $(HOSTILE_OBJECTS) $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $< $(HOSTILE_OBJECTS) $(GROUP) $(LIB_LIBS) -o $@

check-hostile: $(HOSTILE_PROGRAMS)
	@failed=0; for t in $(HOSTILE_PROGRAMS); do $$t || failed=1; done; exit $$failed

.PHONY: check-hostile
