# The house plan, proved: includes against src/FLOORS, and each room linked from its grants alone.

check-floors:
	@tests/floors

# A room is its own objects and the floors below it, with the libraries that these are the landlords
# of, and nothing else: what is not granted cannot be called. (The entry is the room's main function:
# such a program is linked, never run.) Of what a library offers, a room that must not write the
# store, or reach a token, may not so much as name the functions that do; nor those that make a MAC,
# unless it is the desk, which alone has secrets of TSIG. (SipHash, by which the front knows its own
# cookies again, is none of these.)
LINK_ROOMS := front desk keeper signer veil
STORE_WRITES := mdb_put|mdb_del|mdb_drop|mdb_cursor_put|mdb_cursor_del
MACS := HMAC.*|EVP_MAC.*|EVP_Q_mac|crypto_auth.*|crypto_onetimeauth.*|crypto_generichash.*
LINK_FORBIDDEN_front := $(STORE_WRITES)|p11_kit_.*|C_.*|$(MACS)|execve|execv|system|popen
LINK_FORBIDDEN_desk := $(STORE_WRITES)|p11_kit_.*|C_.*|execve|execv|system|popen
LINK_FORBIDDEN_keeper := p11_kit_.*|C_.*|$(MACS)|execve|execv|system|popen
LINK_FORBIDDEN_veil := mdb_.*|p11_kit_.*|C_.*|connect|bind|listen|execve|execv|system|popen
LINK_FORBIDDEN_signer := mdb_.*|$(MACS)|listen|accept|accept4|bind|execve|execv|system|popen

link_below = $(shell tests/floors --below $(1))
link_libraries = $(shell tests/floors --libraries $(1))

define link_room
$$(BUILD)/tests/link/$(1): $$(call objects,$(1)) $$(LIBRARIES)
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$$(QUIET)$$(CC) $$(ALL_LDFLAGS) -nostartfiles -Wl,--no-undefined -Wl,-e,$(1)_main \
	    $$(call objects,$(1)) -Wl,--start-group \
	    $$(foreach floor,$$(call link_below,$(1)),$$(wildcard $$(BUILD)/lib/lib$$(floor).a)) \
	    -Wl,--end-group $$(call link_libraries,$(1)) -lm -o $$@
	@if nm -D --undefined-only $$@ | awk '{sub(/@.*/, "", $$$$2); print $$$$2}' | \
	    grep -Ex '$$(LINK_FORBIDDEN_$(1))'; then \
	    echo "the $(1) must not be able to call these"; rm -f $$@; exit 1; fi
endef
$(foreach room,$(LINK_ROOMS),$(if $(wildcard src/$(room)/*.c),$(eval $(call link_room,$(room)))))

check-links: $(foreach room,$(LINK_ROOMS),$(if $(wildcard src/$(room)/*.c),$(BUILD)/tests/link/$(room)))
	@echo "links: $(words $^) rooms link from their grants alone"

.PHONY: check-floors check-links
