/*
 * keeper_signer.h - a signer for tests of the keeper: a thread without a token.
 *
 * It answers as the room does, with signatures that are none: the first octets are a hash of what
 * was to be signed, so that a test sees whether a signature belongs to what it lies beside. It can
 * be told to hold, to fail, to forget its keys, or to go.
 */
#ifndef TESTS_SUPPORT_KEEPER_SIGNER_H
#define TESTS_SUPPORT_KEEPER_SIGNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "avow/ipc/channel.h"

enum { FAKE_KEYS = 64, FAKE_SIGNATURE = 64, FAKE_KEYSTORES = 2, FAKE_ORDERS = 64 };

struct fake_key {
    uint32_t number;
    uint16_t tag;
    struct name zone;
};

struct fake_signer {
    pthread_t thread;
    int ends[2];              /* ours: orders, bulk */
    _Atomic bool hold;        /* read nothing */
    _Atomic bool hold_bulk;   /* read orders only */
    _Atomic bool silent;      /* read, and never answer a job */
    _Atomic uint32_t fail;    /* so many jobs more end in a failure of the token */
    _Atomic bool unknown;     /* as long as set, every key is unknown */
    _Atomic uint32_t slow_us; /* pause for each job */
    _Atomic uint64_t jobs;    /* signed */
    _Atomic uint64_t letters; /* of jobs */
    _Atomic uint64_t keys_asked;
    _Atomic uint32_t down; /* bit per keystore, "a" is 0: away from the start */
    struct fake_key keys[FAKE_KEYS];
    struct name orders[FAKE_ORDERS]; /* owners of the first jobs that came with orders, in turn, */
    _Atomic uint32_t order_count;    /* and how many came */
};

/* What a signature over the RRset begins with. */
uint64_t fake_hash(const struct name *owner, uint16_t type, uint32_t ttl,
                   const struct rdata_run *rdata);

/* Start it; `theirs` receives the keeper's ends of orders and bulk. */
void fake_signer_start(struct fake_signer *signer, int theirs[2]);

/* Its process dies: both channels end. */
void fake_signer_kill(struct fake_signer *signer);

#endif
