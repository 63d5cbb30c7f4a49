/*
 * worker.h - a thread that makes signatures: a letter of jobs to letters of results.
 *
 * Everything it needs per signature it has at hand: digests, prepared verifiers and session copies
 * of keys, its own frames. Nothing is allocated, logged or locked per signature.
 */
#ifndef SIGNER_WORKER_H
#define SIGNER_WORKER_H

#include "avow/base/log.h"
#include "avow/dnssec/digest.h"
#include "avow/dnssec/verify.h"
#include "pool.h"
#include "results.h"

/* A key at hand. Keys beyond this number share places in turn. */
enum { WORKER_KEYS = 1024 };

/* Of these, such whose verifier has a table, of 150 KB; and how many verifications it may be idle
 * for when another key wants its place. */
enum { WORKER_TABLES = 16, WORKER_TABLE_IDLE = 16 * 1024 };

struct worker_key {
    struct key *key; /* held; NULL: an empty place */
    struct verifier verifier;
    bool prepared;        /* the verifier */
    bool proven;          /* a signature by `handle` has been verified */
    uint64_t verified;    /* when: worker->verified */
    uint32_t epoch;       /* of the keystore, when the handle was got */
    unsigned long handle; /* a session copy where the token makes any */
};

enum {
    WORKER_TEXT_OCTETS = PKCS11_FAILURE_OCTETS,
    WORKER_RUN_OCTETS = SIGN_JOB_KEYS * (2 + RRSIG_MAX_OCTETS)
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    struct watch watch;
    struct metrics_stripe *stripe;
    struct digest_context digests;
    struct frame *frame;
    struct results bulk, urgent;
    struct letter *at_hand[LETTER_KINDS]; /* the pool's: what was taken and is not done */
    uint8_t *run;                         /* WORKER_RUN_OCTETS: the signatures of one job */
    struct worker_key *keys;
    struct worker_key *frequent; /* whose verifier wants a table; NULL: none */
    unsigned tables;
    uint64_t verified;         /* signatures so far */
    struct keystore *keystore; /* whose place is borrowed; NULL: none */
    struct keystore_place *place;
    uint32_t sample; /* bulk signatures until one is verified */
    struct log_budget refusals, failures;
    char text[WORKER_TEXT_OCTETS]; /* why the job at hand failed */
};

/* Memory and digests. RESULT_SYSTEM without. */
MUST_CHECK enum result worker_init(struct worker *worker, struct pool *pool, unsigned index);

/* Give back what worker_init took, and every key. The thread has ended or never began. */
void worker_free(struct worker *worker);

/* The thread: letters until there are none. Its argument is the struct worker. */
void *worker_run(void *worker);

/* The worker's place for a key: looked up in the table once, then at hand. NULL: no such key.
 * (worker_key.c) */
struct worker_key *worker_key_find(struct worker *worker, uint32_t number);

/* A place of the key's keystore, and the key's handle for it. RESULT_TOKEN with worker->text. */
MUST_CHECK enum result worker_key_ready(struct worker *worker, struct worker_key *at);

/* The verifier of the key; NULL when OpenSSL does not take it. */
struct verifier *worker_key_verifier(struct worker_key *at);

/* Give the verifier that wants one a table. That takes 25 ms: between letters. */
void worker_key_quicken(struct worker *worker);

void worker_key_clear(struct worker *worker, struct worker_key *at);

/* Give the borrowed place back. */
void worker_key_rest(struct worker *worker);

#endif
