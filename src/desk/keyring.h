/*
 * keyring.h - the TSIG keys of one configuration, for as long as anything is signed with them.
 *
 * A reload brings another keyring while answers that are under way still need the keys that their
 * requests were signed with: each keeps its own in use. The context of a key is its struct
 * config_tsig, which is good for as long as the configuration is: when a message has just been
 * checked, and not later.
 */
#ifndef AVOW_SRC_DESK_KEYRING_H
#define AVOW_SRC_DESK_KEYRING_H

#include "avow/tsig/tsig.h"

struct config;

struct keyring {
    struct tsig_keyring ring;
    unsigned users;
};

/* The keys of a configuration, with one user. RESULT_SYSTEM without memory, or when OpenSSL has no
 * HMAC; RESULT_FORMAT for a key that is none, which the configuration's check does not let by. */
MUST_CHECK enum result keyring_make(const struct config *config, struct keyring **made);

/* One more user; NULL is fine. */
struct keyring *keyring_use(struct keyring *keyring);

/* One user less; the last one gives everything back. NULL is fine. */
void keyring_leave(struct keyring *keyring);

#endif
