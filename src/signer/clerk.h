/*
 * clerk.h - the thread that speaks to a token about anything but signatures.
 *
 * It loads the module, opens the token and opens it again, finds, makes and proves keys, and tells
 * the keeper what became of it. All of this can take long (a small token makes an RSA key in
 * minutes) or have no end, so it is not done by the main thread, which must go on handing urgent
 * jobs to the pools and watching over everybody, and there is a clerk for each keystore.
 */
#ifndef SIGNER_CLERK_H
#define SIGNER_CLERK_H

#include <pthread.h>

#include "avow/dnssec/digest.h"
#include "avow/room/room.h"
#include "keys.h"
#include "keystore.h"
#include "link.h"
#include "watch.h"

enum { CLERK_MOST_ORDERS = 262144 };

enum clerk_order_kind {
    CLERK_ENSURE, /* KEY_ENSURE */
    CLERK_FORGET, /* KEY_FORGET */
    CLERK_LINK,   /* the keeper's channel of orders is a new one: tell it all */
    CLERK_AGAIN,  /* the configuration was reloaded: what was refused may be tried once more */
    CLERK_TELL    /* the keeper was told that calls do not end, and they did: tell it how it is */
};

/* What the main thread asks for. */
struct clerk_order {
    struct clerk_order *next;
    enum clerk_order_kind kind;
    struct link *link; /* to answer by; held */
    uint64_t since_ms; /* when it came */
    uint32_t era;      /* of the keys, when it came */
    uint32_t request, number;
    struct name zone;
    char keystore[KEYSTORE_NAME_OCTETS];
    uint8_t algorithm, role;
    uint16_t flags, bits;
    uint32_t validity;
    bool may_generate;
    struct pkcs11_key_name name; /* its id only */
};

struct clerk_means {
    struct keystore
        *keystore; /* NULL: none; then the clerk says of each key that it is not there */
    struct keys *keys;
    struct metrics_stripe *stripe;
    /* The zone's policy as it is now. False: no such zone, or it is not signed. From the clerk. */
    bool (*policy)(void *context, const struct name *zone, struct config_policy *policy);
    void *context;
};

struct clerk {
    struct clerk_means means;
    pthread_t thread;
    struct watch watch;
    struct digest_context digests;
    struct frame *frame;
    struct link *link; /* the keeper's channel of orders; NULL: none yet */

    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct clerk_order *first;
    struct clerk_order **last;
    unsigned order_count;
    bool lost; /* the keystore was: look at it */
    bool stopping;
    _Atomic bool hopeless; /* the token is there, and only another process can use it, if any */

    struct clerk_order *waiting; /* KEY_ENSURE for a zone that is not configured (yet) */
    uint64_t now_ms;
    uint64_t told_ms; /* when rates were told last */
    uint64_t seen_ms; /* when an idle token was looked at last */
};

MUST_CHECK enum result clerk_init(struct clerk *clerk, const struct clerk_means *means);

/* Begin. A keystore that is CLOSED is opened first. */
MUST_CHECK enum result clerk_start(struct clerk *clerk);

/* Take over an order. Too many: it is dropped and logged. */
void clerk_put(struct clerk *clerk, struct clerk_order *order);

/* Whether its keystore can only be used by another process, if at all. */
static inline bool clerk_is_hopeless(const struct clerk *clerk)
{
    return atomic_load_explicit(&clerk->hopeless, memory_order_relaxed);
}

/* Wait for its end, so long at most; true when it has ended. */
bool clerk_finish(struct clerk *clerk, unsigned milliseconds);

/* The keystore was lost: look after it. From any thread. */
void clerk_wake(struct clerk *clerk);

/* ---- clerk_key.c ---------------------------------------------------------------------------- */

/* Find or make the key, prove it, enter it, answer. False: its zone is not configured, and it may
 * yet be; the order is still the caller's in any case. */
bool clerk_key_ensure(struct clerk *clerk, const struct clerk_order *order);

/* The token was opened anew: find and prove its keys again. RESULT_TOKEN when it went away again
 * meanwhile, RESULT_SYSTEM without memory; keys that are not there any more are marked. */
MUST_CHECK enum result clerk_key_refind(struct clerk *clerk, struct pkcs11_failure *failure);

/* Set the gauge of the keystore's keys that can sign. */
void clerk_key_count(struct clerk *clerk);

#endif
