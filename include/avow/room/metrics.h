/*
 * metrics.h - counters and gauges, one page of shared memory per room.
 *
 * A page is a row of stripes. Each thread writes only its own stripe, with plain stores and no
 * lock; a reader adds the stripes up. Pages outlive the room's process: counters go on after a
 * restart, and so do notes; gauges are set to zero when the room starts. Every room's page has the
 * same table, so that the keeper reads all of them for `avowctl status`.
 *
 * Floor: room.
 */
#ifndef AVOW_ROOM_METRICS_H
#define AVOW_ROOM_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

/* M(kind, NAME, "name", "help") */
#define METRICS(M)                                                                                 \
    /* front */                                                                                    \
    M(COUNTER, QUERIES_UDP, "queries_udp", "datagrams received")                                   \
    M(COUNTER, QUERIES_TCP, "queries_tcp", "messages received over TCP")                           \
    M(COUNTER, RESPONSES, "responses", "answers sent")                                             \
    M(COUNTER, RESPONSE_OCTETS, "response_octets", "octets in answers sent")                       \
    M(COUNTER, RCODE_NOERROR, "rcode_noerror", "answers NOERROR")                                  \
    M(COUNTER, RCODE_FORMERR, "rcode_formerr", "answers FORMERR")                                  \
    M(COUNTER, RCODE_SERVFAIL, "rcode_servfail", "answers SERVFAIL")                               \
    M(COUNTER, RCODE_NXDOMAIN, "rcode_nxdomain", "answers NXDOMAIN")                               \
    M(COUNTER, RCODE_NOTIMP, "rcode_notimp", "answers NOTIMP")                                     \
    M(COUNTER, RCODE_REFUSED, "rcode_refused", "answers REFUSED")                                  \
    M(COUNTER, RCODE_OTHER, "rcode_other", "answers with another RCODE")                           \
    M(COUNTER, RCODE_BADCOOKIE, "rcode_badcookie", "answers BADCOOKIE")                            \
    M(COUNTER, TRUNCATED, "truncated", "answers with TC set")                                      \
    M(COUNTER, COOKIES_GOOD, "cookies_good", "queries with a good cookie")                         \
    M(COUNTER, COOKIES_BAD, "cookies_bad", "queries with a cookie that is not ours or is old")     \
    M(COUNTER, COOKIES_CLIENT, "cookies_client", "queries with a client cookie alone")             \
    M(COUNTER, DROPPED_MALFORMED, "dropped_malformed", "messages that got no answer")              \
    M(COUNTER, DROPPED_LIMIT, "dropped_limit", "answers held back by the rate limit")              \
    M(COUNTER, SLIPPED_LIMIT, "slipped_limit", "answers shortened by the rate limit")              \
    M(COUNTER, LEAKED_LIMIT, "leaked_limit",                                                       \
      "answers over the rate limit that chance let through")                                       \
    M(COUNTER, SPARED_LIMIT, "spared_limit", "answers over the rate limit sent for dry-run")       \
    M(COUNTER, LIMITED_POSITIVE, "limited_positive", "of these four, with the records asked for")  \
    M(COUNTER, LIMITED_NODATA, "limited_nodata", "of these, without data")                         \
    M(COUNTER, LIMITED_NXDOMAIN, "limited_nxdomain", "of these, NXDOMAIN")                         \
    M(COUNTER, LIMITED_REFERRAL, "limited_referral", "of these, referrals")                        \
    M(COUNTER, LIMITED_ERROR, "limited_error", "of these, errors")                                 \
    M(COUNTER, LIMITED_UNREAD, "limited_unread", "of these, not looked up: far over the limit")    \
    M(COUNTER, DROPPED_LOAD, "dropped_load",                                                       \
      "denials not made, as more queries came than could be answered")                             \
    M(COUNTER, DROPPED_SEND, "dropped_send", "answers and hand-overs that were not taken")         \
    M(COUNTER, CACHE_HITS, "cache_hits", "answers from the answer cache")                          \
    M(COUNTER, CACHE_MISSES, "cache_misses", "answers made from the store")                        \
    M(COUNTER, STORE_CORRUPT, "store_corrupt", "records that failed their check when read")        \
    M(COUNTER, WANTS_ASKED, "wants_asked", "missing signatures asked for")                         \
    M(COUNTER, WANTS_ANSWERED, "wants_answered", "of these, answered in time")                     \
    M(COUNTER, WANTS_TIMEOUT, "wants_timeout", "of these, given up at the deadline")               \
    M(COUNTER, WANTS_OVERFLOW, "wants_overflow", "queries that could not be parked")               \
    M(COUNTER, WANTS_TURNED, "wants_turned",                                                       \
      "queries turned to TCP or a cookie, as signatures are short")                                \
    M(COUNTER, WANTS_DELAYED, "wants_delayed",                                                     \
      "missing signatures not asked for at once, as signatures are short")                         \
    M(COUNTER, HANDOFFS, "handoffs", "messages handed to the desk")                                \
    M(COUNTER, TCP_ACCEPTED, "tcp_accepted", "TCP connections accepted")                           \
    M(COUNTER, TCP_REFUSED, "tcp_refused", "TCP connections closed for want of room")              \
    M(COUNTER, TCP_EVICTED, "tcp_evicted", "TCP connections closed in favour of others")           \
    M(COUNTER, TCP_IDLE, "tcp_idle", "TCP connections closed for idleness")                        \
    M(COUNTER, TCP_SLOW_WRITERS, "tcp_slow_writers", "TCP connections cut off amid a message")     \
    M(COUNTER, TCP_SLOW_READERS, "tcp_slow_readers",                                               \
      "TCP connections cut off with answers not taken")                                            \
    M(COUNTER, TCP_SHORTAGES, "tcp_shortages", "accepts that lacked a descriptor or memory")       \
    M(GAUGE, TCP_OPEN, "tcp_open", "TCP connections open")                                         \
    M(GAUGE, TCP_UNSENT, "tcp_unsent", "memory of answers not taken yet, octets")                  \
    M(GAUGE, WANTS_PARKED, "wants_parked", "queries waiting for a signature")                      \
    M(GAUGE, CACHE_OCTETS, "cache_octets", "memory of the answer cache")                           \
    /* keeper */                                                                                   \
    M(COUNTER, LOADS, "loads", "zone files loaded")                                                \
    M(COUNTER, LOADS_FAILED, "loads_failed", "zone files with errors")                             \
    M(COUNTER, LOADS_HELD, "loads_held", "loads that wait to be forced")                           \
    M(COUNTER, DIGESTS, "digests", "ZONEMD records published")                                     \
    M(COUNTER, FILES_WRITTEN, "files_written", "zone files written from the store")                \
    M(COUNTER, FILES_FAILED, "files_failed", "zone files that could not be written")               \
    M(COUNTER, COMMITS, "commits", "transactions committed")                                       \
    M(COUNTER, COMMITS_FAILED, "commits_failed", "transactions that failed")                       \
    M(COUNTER, SIGNATURES_STORED, "signatures_stored", "signatures written to the store")          \
    M(COUNTER, SIGNATURES_FAILED, "signatures_failed", "signatures that were refused or failed")   \
    M(COUNTER, ASKED_REFUSED, "asked_refused",                                                     \
      "signatures for the front that could not have been made in time")                            \
    M(GAUGE, ASKED_QUEUED, "asked_queued", "signatures for the front that wait for the token")     \
    M(GAUGE, TOKEN_RATE, "token_rate", "signatures a minute that the tokens make, as measured")    \
    M(COUNTER, SCRUBBED, "scrubbed", "records checked in the background")                          \
    M(COUNTER, RECORDS_CORRUPT, "records_corrupt", "records that failed that check")               \
    M(COUNTER, SIGNATURES_VERIFIED, "signatures_verified",                                         \
      "RRsets whose stored signatures were verified in the background")                            \
    M(COUNTER, SIGNATURES_BAD, "signatures_bad", "of these, with one that does not hold")          \
    M(COUNTER, SCRUBS, "scrubs", "passes over the whole store")                                    \
    M(NOTE, SCRUB_VERSION, "scrub_version", "version of a zone that is looked at just now")        \
    M(NOTE, SCRUB_SUSPECT, "scrub_suspect", "version at which the keeper died before")             \
    M(GAUGE, ZONES_DOUBTFUL, "zones_doubtful", "zones not answered: records vanished or are old")  \
    M(COUNTER, UPDATES_APPLIED, "updates_applied", "updates that changed a zone")                  \
    M(COUNTER, UPDATES_UNCHANGED, "updates_unchanged", "updates that changed nothing")             \
    M(COUNTER, UPDATES_FAILED, "updates_failed", "updates whose prerequisites or policy failed")   \
    M(COUNTER, UPDATES_LOST, "updates_lost", "updates answered SERVFAIL")                          \
    M(COUNTER, ROUNDS, "rounds", "commits that held updates")                                      \
    M(COUNTER, JOURNAL_ENTRIES, "journal_entries", "differences written to journals")              \
    M(COUNTER, CLOCK_JUMPS, "clock_jumps", "times that the clock was set")                         \
    M(COUNTER, PUBLISH_FAILED, "publish_failed",                                                   \
      "commits that readers could not be told of at once")                                         \
    M(COUNTER, CONTROL_SHORTAGES, "control_shortages",                                             \
      "calls of avowctl that had to wait for a descriptor or memory")                              \
    M(GAUGE, UPDATES_QUEUED, "updates_queued", "updates waiting for their turn")                   \
    M(GAUGE, SIGNATURES_PENDING, "signatures_pending", "signatures still to be made")              \
    M(GAUGE, STORE_USED_PERMILLE, "store_used_permille", "of the map, in thousandths")             \
    M(GAUGE, READER_LAG_MS, "reader_lag_ms", "age of the oldest snapshot in use")                  \
    /* signer */                                                                                   \
    M(COUNTER, SIGNATURES, "signatures", "signatures made")                                        \
    M(COUNTER, SIGN_FAILURES, "sign_failures", "signatures at which the token failed")             \
    M(COUNTER, SIGN_REFUSALS, "sign_refusals", "jobs that policy forbade")                         \
    M(COUNTER, SIGN_NANOSECONDS, "sign_nanoseconds", "time spent in the token")                    \
    M(COUNTER, TOKEN_LOGINS, "token_logins", "logins to a token")                                  \
    M(GAUGE, TOKENS_UP, "tokens_up", "tokens at hand")                                             \
    M(COUNTER, TOKEN_HANGS, "token_hangs", "times that a token did not come back from a call")     \
    M(NOTE, HANG_PATIENCE, "hang_patience",                                                        \
      "how long the signer went on beside a token that hung before it was started anew, seconds")  \
    M(GAUGE, KEYS_LOADED, "keys_loaded", "keys ready to sign")                                     \
    /* desk */                                                                                     \
    M(COUNTER, DESK_MESSAGES, "desk_messages", "messages from the front")                          \
    M(COUNTER, DESK_REFUSED, "desk_refused", "of these, refused")                                  \
    M(COUNTER, DESK_UNHEARD, "desk_unheard",                                                       \
      "of these, answered SERVFAIL at once for want of room")                                      \
    M(COUNTER, TSIG_GOOD, "tsig_good", "messages with a good TSIG")                                \
    M(COUNTER, TSIG_BADKEY, "tsig_badkey", "messages with a TSIG key that is not known")           \
    M(COUNTER, TSIG_BADSIG, "tsig_badsig", "messages whose TSIG is wrong")                         \
    M(COUNTER, TSIG_BADTIME, "tsig_badtime", "messages whose TSIG is out of time or was replayed") \
    M(COUNTER, TSIG_BADTRUNC, "tsig_badtrunc", "messages whose TSIG is too short")                 \
    M(COUNTER, TSIG_MALFORMED, "tsig_malformed", "messages whose TSIG is malformed or not last")   \
    M(COUNTER, AXFR_ASKED, "axfr_asked", "zone transfers asked for")                               \
    M(COUNTER, AXFR_DONE, "axfr_done", "zones sent whole")                                         \
    M(COUNTER, IXFR_ASKED, "ixfr_asked", "differences asked for")                                  \
    M(COUNTER, IXFR_DONE, "ixfr_done", "differences sent")                                         \
    M(COUNTER, IXFR_CURRENT, "ixfr_current", "of those asked for, already up to date")             \
    M(COUNTER, IXFR_WHOLE, "ixfr_whole", "of those asked for, answered with the whole zone")       \
    M(COUNTER, TRANSFERS_REFUSED, "transfers_refused", "transfers that no access list allows")     \
    M(COUNTER, TRANSFERS_BARE, "transfers_bare",                                                   \
      "of these, not by TLS, of a zone that demands it")                                           \
    M(COUNTER, TRANSFERS_BUSY, "transfers_busy", "transfers beyond a limit")                       \
    M(COUNTER, TRANSFERS_CUT, "transfers_cut", "transfers that were not finished")                 \
    M(COUNTER, TRANSFER_OCTETS, "transfer_octets", "octets sent in transfers")                     \
    M(COUNTER, NOTIFIES_SENT, "notifies_sent", "NOTIFY messages sent, retries included")           \
    M(COUNTER, NOTIFIES_ANSWERED, "notifies_answered", "NOTIFY messages that were answered")       \
    M(COUNTER, NOTIFIES_FAILED, "notifies_failed", "secondaries given up after all retries")       \
    M(COUNTER, NOTIFIES_RECEIVED, "notifies_received", "NOTIFY messages received")                 \
    M(COUNTER, UPDATES_ASKED, "updates_asked", "UPDATE messages received")                         \
    M(COUNTER, UPDATES_REPEATED, "updates_repeated",                                               \
      "of these, received before and not done again")                                              \
    M(COUNTER, UPDATES_REFUSED, "updates_refused", "of these, that no grant allows")               \
    M(GAUGE, TRANSFERS_OPEN, "transfers_open", "transfers under way")                              \
    M(GAUGE, DESK_CONNECTIONS, "desk_connections", "TCP connections that the desk holds")          \
    /* veil */                                                                                     \
    M(COUNTER, TLS_ACCEPTED, "tls_accepted", "TLS connections accepted")                           \
    M(COUNTER, TLS_REFUSED, "tls_refused", "TLS connections closed for want of room")              \
    M(COUNTER, TLS_EVICTED, "tls_evicted", "TLS connections closed in favour of others")           \
    M(COUNTER, TLS_HANDSHAKES, "tls_handshakes", "TLS handshakes done")                            \
    M(COUNTER, TLS_CERTIFICATES, "tls_certificates", "of these, with a client's certificate")      \
    M(COUNTER, TLS_FAILED_VERSION, "tls_failed_version", "handshakes that TLS 1.3 does not fit")   \
    M(COUNTER, TLS_FAILED_PROTOCOL, "tls_failed_protocol", "handshakes for another ALPN than dot") \
    M(COUNTER, TLS_FAILED, "tls_failed", "handshakes that failed otherwise")                       \
    M(COUNTER, TLS_SLOW, "tls_slow", "TLS connections cut off for a slow handshake or reader")     \
    M(GAUGE, TLS_OPEN, "tls_open", "TLS connections open")                                         \
    M(GAUGE, TLS_CERTIFICATE_END, "tls_certificate_end",                                           \
      "when the server's certificate ends, seconds since 1970")                                    \
    /* every room */                                                                               \
    M(COUNTER, LETTERS, "letters", "messages from other rooms")                                    \
    M(COUNTER, LETTERS_REFUSED, "letters_refused", "of these, refused or malformed")

enum metric {
#define METRIC_ENUMERATOR(kind, NAME, name, help) METRIC_##NAME,
    METRICS(METRIC_ENUMERATOR)
#undef METRIC_ENUMERATOR
        METRIC_COUNT
};

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_NOTE /* what a room leaves to the next one, should it die */
};

enum { METRICS_STRIPES = 256 };

/* One thread's own numbers, on cache lines of its own. */
struct metrics_stripe {
    _Alignas(64) _Atomic uint64_t values[METRIC_COUNT];
};

struct metrics_page {
    struct metrics_stripe stripes[METRICS_STRIPES];
};

/* The size of a page's memory file. */
size_t metrics_page_octets(void);

/* Zero the gauges of all stripes: the room has just started. */
void metrics_reset_gauges(struct metrics_page *page);

/* The sum over all stripes. A reader's page may be PROT_READ. */
uint64_t metrics_sum(const struct metrics_page *page, enum metric metric);

const char *metric_name(enum metric metric);
const char *metric_help(enum metric metric);
enum metric_kind metric_kind(enum metric metric);

/* The thread that owns the stripe, and no other, may call these. A NULL stripe is fine. */
static inline void metric_add(struct metrics_stripe *stripe, enum metric metric, uint64_t amount)
{
    if (!stripe)
        return;
    _Atomic uint64_t *value = &stripe->values[metric];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static inline void metric_set(struct metrics_stripe *stripe, enum metric metric, uint64_t amount)
{
    if (stripe)
        atomic_store_explicit(&stripe->values[metric], amount, memory_order_relaxed);
}

static inline uint64_t metric_get(const struct metrics_stripe *stripe, enum metric metric)
{
    return stripe ? atomic_load_explicit(&stripe->values[metric], memory_order_relaxed) : 0;
}

#endif
