/*
 * watch.h - how long a thread has been inside the module, for the thread that watches.
 *
 * PKCS#11 calls have no deadline. A thread says before each call that it goes in, and afterwards
 * that it is out; the main thread, which never goes in, ends the process when one does not come
 * back.
 */
#ifndef SIGNER_WATCH_H
#define SIGNER_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a call may take. Signatures: sooner than the keeper, who would restart us without
 * knowing which token it was. Keys: an RSA key takes a small token minutes. */
enum { WATCH_SIGN_MS = 8000, WATCH_OPEN_MS = 60000, WATCH_MAKE_MS = 600000 };

struct watch {
    _Atomic uint64_t since_ns; /* monotonic; 0: not inside */
    _Atomic uint32_t limit_ms;
    const char *_Atomic keystore; /* its name */
    const char *_Atomic doing;    /* "signing" */
};

static inline void watch_begin(struct watch *watch, const char *keystore, const char *doing,
                               uint32_t limit_ms)
{
    atomic_store_explicit(&watch->keystore, keystore, memory_order_relaxed);
    atomic_store_explicit(&watch->doing, doing, memory_order_relaxed);
    atomic_store_explicit(&watch->limit_ms, limit_ms, memory_order_relaxed);
}

/* In and out, around each call; the times are the caller's, who measures anyway. */
static inline void watch_in(struct watch *watch, uint64_t now_ns)
{
    atomic_store_explicit(&watch->since_ns, now_ns, memory_order_release);
}

static inline void watch_out(struct watch *watch)
{
    atomic_store_explicit(&watch->since_ns, 0, memory_order_release);
}

/* Milliseconds that a call has lasted when that is over its limit; 0: all is well. */
static inline uint64_t watch_overdue(const struct watch *watch, uint64_t now_ns)
{
    uint64_t since = atomic_load_explicit(&watch->since_ns, memory_order_acquire);
    uint64_t limit = (uint64_t)atomic_load_explicit(&watch->limit_ms, memory_order_acquire);

    if (!since || now_ns < since || now_ns - since < limit * 1000000)
        return 0;
    /* The limit may have been that of the next call. */
    if (atomic_load_explicit(&watch->since_ns, memory_order_acquire) != since)
        return 0;
    return (now_ns - since) / 1000000;
}

#endif
