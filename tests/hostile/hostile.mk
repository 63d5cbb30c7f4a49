# Rooms that were taken over try what they must be unable to do: of the system, confined by the room's
# own function; and of the other rooms, by letters, within a real daemon.
HOSTILE_ROOMS := $(BUILD)/tests/hostile/rooms
HOSTILE_HOUSE := $(BUILD)/tests/hostile/avowd

$(HOSTILE_ROOMS): $(patsubst %,$(BUILD)/tests/hostile/%.o,rooms acts needs) $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(GROUP) $(LIB_LIBS) -o $@

$(HOSTILE_HOUSE): $(BUILD)/tests/hostile/puppet.o $(call objects,avowd) $(LIBRARIES)
	@echo "  LINK $@"
	$(QUIET)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=front_main,--wrap=desk_main $(filter %.o,$^) $(GROUP) \
	    $(LIB_LIBS) -o $@

check-hostile: all $(HOSTILE_ROOMS) $(HOSTILE_HOUSE)
	@$(HOSTILE_ROOMS)
	@AVOW_BUILD=$(abspath $(BUILD)) $(PYTHON3) -B tests/hostile/letters.py

.PHONY: check-hostile
