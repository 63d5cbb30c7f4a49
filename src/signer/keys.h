/*
 * keys.h - the keys that the keeper has named, by number.
 *
 * Clerks add and remove, each the keys of its keystore; workers look up and hold what they found,
 * so that a key that was forgotten meanwhile is not pulled away under them.
 */
#ifndef SIGNER_KEYS_H
#define SIGNER_KEYS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "avow/dnssec/dnskey.h"
#include "avow/ipc/messages.h"
#include "keystore.h"
#include "permit.h"

enum { KEYS_BUCKETS = 4096, KEYS_MOST = 262144 };

struct key {
    struct key *next; /* in its bucket */
    _Atomic unsigned holders;
    _Atomic bool forgotten;

    uint32_t number;
    struct name zone;
    struct permit_grant grant; /* points to `zone` */
    enum config_verify verify;
    struct dnskey dnskey;
    uint16_t tag;
    struct keystore *keystore;

    /* Changes only while no place of the keystore is lent. */
    bool usable;    /* found and proved since the token was opened */
    char *trouble;  /* why not; NULL: no more to say */
    uint32_t epoch; /* of the keystore, when it was found */
    struct pkcs11_key pair;
};

struct keys {
    pthread_mutex_t lock;
    struct key *buckets[KEYS_BUCKETS];
    unsigned count;
    uint32_t era; /* how often all were forgotten */
};

/* RESULT_SYSTEM when there can be no lock. */
MUST_CHECK enum result keys_init(struct keys *keys);

/* A key with one holder, the caller; zeroed otherwise. NULL without memory. */
struct key *keys_make(void);

/* Put a key in, in place of the one with that number. The table becomes a holder too. RESULT_FULL
 * when there are too many; RESULT_REFUSED when all were forgotten since `era`. */
MUST_CHECK enum result keys_put(struct keys *keys, struct key *key, uint32_t era);

/* The number of this era, in which keys are ordered. */
uint32_t keys_era(struct keys *keys);

/* Look up, and hold. NULL: no such key. */
struct key *keys_find(struct keys *keys, uint32_t number);

/* The key of that number, if it is one of that keystore. */
void keys_forget(struct keys *keys, const struct keystore *keystore, uint32_t number);

/* Another keeper numbers its keys anew: an era ends. */
void keys_forget_all(struct keys *keys);

struct key *key_hold(struct key *key); /* returns `key` */
void key_drop(struct key *key);        /* NULL is fine */

/* Call `visit` for each key of a keystore, with the table locked. */
void keys_each(struct keys *keys, const struct keystore *keystore,
               void (*visit)(void *context, struct key *key), void *context);

#endif
