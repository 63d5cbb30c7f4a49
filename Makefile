# avow: build, run, check, lint, bench, fuzz, install. Not recursive; objects and programs go to $(BUILD).
#
#   make            build/avowd and build/avowctl
#   make run        the first hour: token, example zones, signed answers on 127.0.0.1:5300
#   make check      every test; make campaign: the long ones
#   make SANITIZE=address,undefined BUILD=build/asan check-unit

BUILD    ?= build
SANITIZE ?=
V        ?= 0
QUIET    := $(if $(filter 0,$(V)),@)

FLOORS := base wire zonefile dnssec tsig tls config store change ipc answer room pkcs11 \
          front desk keeper signer veil
PROGRAMS := avowd avowctl

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# Goals that install what building needs, or need nothing, come before configure.
NO_CONFIGURE := clean distclean run stop check
ifneq ($(filter-out $(NO_CONFIGURE),$(or $(MAKECMDGOALS),all)),)
-include config.mk
endif

# Run by itself whenever configure.ac or what it fills in is newer.
configure: configure.ac
	@command -v autoreconf >/dev/null || \
	    { echo "autoconf is missing: run etc/dependencies.sh as root" >&2; exit 1; }
	autoreconf --force --install
config.mk: configure config.mk.in
	./configure $(CONFIGURE_FLAGS) >/dev/null
	@touch config.mk

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
             -fPIE
# clang 14 zeroes automatic variables only under a name of its own.
ifeq ($(findstring clang,$(CC)),)
HARDENING += -ftrivial-auto-var-init=zero
else
HARDENING += -ftrivial-auto-var-init=zero \
             -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
endif
OPTIMISE := -O2 -g
LINK_HARDENING := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
ifneq ($(SANITIZE),)
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPTIMISE := -O1 -g
else
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

ALL_CPPFLAGS = -I. -Iinclude -D_GNU_SOURCE -DAVOW_VERSION='"$(VERSION)"' $(LIB_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu17 $(OPTIMISE) $(WARNINGS) $(HARDENING) $(SANITIZE_FLAGS) -pthread $(CFLAGS)
ALL_LDFLAGS = $(LINK_HARDENING) $(SANITIZE_FLAGS) -pthread $(LDFLAGS)

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/$(1)/*.c))
LIBRARIES := $(foreach floor,$(FLOORS),$(if $(wildcard src/$(floor)/*.c),$(BUILD)/lib/lib$(floor).a))
GROUP = -Wl,--start-group $(LIBRARIES) -Wl,--end-group

all: $(PROGRAMS:%=$(BUILD)/%)

# What serves is worth more of the compiler's time: transfers take a twentieth less of it.
ifeq ($(SANITIZE),)
$(BUILD)/src/%.o: OPTIMISE := -O3 -g
endif
$(BUILD)/%.o: %.c config.mk
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(QUIET)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define library
$$(BUILD)/lib/lib$(1).a: $$(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(QUIET)$$(AR) rcs $$@ $$^
endef
$(foreach floor,$(FLOORS),$(eval $(call library,$(floor))))

# avowctl has no room in it: only what src/FLOORS grants it.
avowd_LIBRARIES = $(LIBRARIES)
avowctl_LIBRARIES = $(filter $(foreach floor,$(shell sed -n 's/^avowctl *://p' src/FLOORS),%/lib$(floor).a),$(LIBRARIES))

define program
$$(BUILD)/$(1): $$(call objects,$(1)) $$($(1)_LIBRARIES)
	@echo "  LINK $$@"
	$(QUIET)$$(CC) $$(ALL_LDFLAGS) $$(call objects,$(1)) -Wl,--start-group $$($(1)_LIBRARIES) -Wl,--end-group $$(LIB_LIBS) -o $$@
endef
$(foreach name,$(PROGRAMS),$(eval $(call program,$(name))))

# ---- the first hour -----------------------------------------------------------------------------
# Installs what is missing when it can (as root), builds, makes a SoftHSM token and a configuration
# below run/, starts the daemon on 127.0.0.1:5300 and prints what to try.
run:
	@sh etc/dependencies.sh --run
	@$(MAKE) all
	@sh etc/first-hour.sh start $(abspath $(BUILD))
stop:
	@sh etc/first-hour.sh stop $(abspath $(BUILD))

# ---- installing ---------------------------------------------------------------------------------
PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8
	install -d -m 0750 $(DESTDIR)$(SYSCONFDIR)/avow
	install -m 0755 $(BUILD)/avowd $(BUILD)/avowctl $(DESTDIR)$(SBINDIR)
	install -m 0644 man/avowd.8 man/avowctl.8 $(DESTDIR)$(MANDIR)/man8
	install -m 0644 man/avow.yaml.5 $(DESTDIR)$(MANDIR)/man5
	install -d $(DESTDIR)$(DATADIR)/bash-completion/completions $(DESTDIR)$(DATADIR)/zsh/site-functions
	$(BUILD)/avowctl completion bash > $(DESTDIR)$(DATADIR)/bash-completion/completions/avowctl
	$(BUILD)/avowctl completion zsh > $(DESTDIR)$(DATADIR)/zsh/site-functions/_avowctl
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|' etc/avowd.service > $(DESTDIR)$(UNITDIR)/avowd.service
	test -e $(DESTDIR)$(SYSCONFDIR)/avow/avow.yaml || \
	    install -m 0640 etc/avow.yaml $(DESTDIR)$(SYSCONFDIR)/avow/avow.yaml

-include tests/tests.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
distclean: clean
	rm -rf configure config.mk config.h config.h.in config.log config.status autom4te.cache aclocal.m4

.PHONY: all run stop install clean distclean
