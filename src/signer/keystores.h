/*
 * keystores.h - the keystores of the configuration, and the modules that they share.
 */
#ifndef SIGNER_KEYSTORES_H
#define SIGNER_KEYSTORES_H

#include "keystore.h"

struct keystores {
    struct keystore_module *modules;
    size_t module_count;
    struct keystore *list; /* in the configuration's order */
    size_t count;
};

/*
 * Make them all, closed, and put into the environment what their modules read there: before there
 * is any thread. The secrets of `config` are taken over and wiped.
 *
 * most_sessions  Of all together; each has at least one.
 * Returns        RESULT_OK, also when one is REFUSED, which is logged; RESULT_SYSTEM without
 * memory.
 */
MUST_CHECK enum result keystores_init(struct keystores *keystores, const struct config *config,
                                      unsigned most_sessions);

/* NULL: none of that name. */
struct keystore *keystores_find(struct keystores *keystores, const char *name);

#endif
