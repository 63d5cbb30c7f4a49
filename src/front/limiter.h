/*
 * limiter.h - what each address and each network around it was sent of late: one table for all.
 *
 * An account says until when its owner has used up what it may have: each answer moves that moment
 * on, by one second over the rate, and so time pays the account back without anybody's doing. A
 * client has an account for its address and for each of some prefixes of it; a prefix has more to
 * spend than an address, by a fixed factor, but not as much as all its addresses together.
 *
 * The table is of constant size. A line of it holds eight accounts, each found by twenty bits of a
 * keyed hash: that a stranger is taken for somebody who is over the limit happens to one in 130,000
 * even when every account of the table is over it. Whoever has no account takes the one in its line
 * that is paid back first, and begins with nothing on it. So a flood of addresses that come once
 * costs nobody anything, and those that are over the limit keep their accounts.
 *
 * Any thread may use a limiter at any time: an account is one word, changed by compare and
 * exchange. No lock, no clock, no allocation after limiter_open.
 */
#ifndef AVOW_SRC_FRONT_LIMITER_H
#define AVOW_SRC_FRONT_LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/hash.h"
#include "avow/base/result.h"
#include "avow/config/rate_limit.h"

enum {
    LIMITER_ACCOUNTS = 8,           /* of a line, which is a line of the processor's cache */
    LIMITER_LINES = 65536,          /* 4 MiB, and 524,288 accounts */
    LIMITER_DEPTH = 5,              /* most accounts of one client */
    LIMITER_BANDS = 10,             /* prefix lengths, those of both families; and known clients */
    LIMITER_PLAIN = 16,             /* price of a plain answer */
    LIMITER_PLAIN_OCTETS = 400,     /* up to which an answer is plain; larger ones by their size */
    LIMITER_SIGNATURE_ANSWERS = 20, /* plain answers that a new signature counts for */
    LIMITER_PREFIX_TEXT = 64
};

/* What accounts are kept of, each apart from the others. */
enum limiter_ledger {
    LIMITER_ANSWERS,
    LIMITER_SIGNATURES, /* that had to be made for clients who have shown nothing */
    LIMITER_SIGNATURES_PROVEN
};

/* How fast accounts are used up, made from the configuration, or from what the tokens make. */
struct limiter_rules {
    enum limiter_ledger ledger;
    /* What a plain answer moves an account of this band on by, in 1/65536 ticks. 0: this class has
     * no limit. */
    uint64_t costs[CONFIG_CLASSES][LIMITER_BANDS];
    uint64_t over[LIMITER_BANDS]; /* ticks ahead of now from which on nothing more may be spent */
    uint64_t far;                 /* ... from which on nobody has to look closer */
    uint64_t most;                /* ... that an account can be */
};

struct sockaddr;

/* An address of either family, in host order; an IPv4 address as IPv6 maps it. */
struct limiter_address {
    uint64_t high, low;
};

enum limiter_state {
    LIMITER_FREE, /* nothing is asked of it: exempt, or not looked at */
    LIMITER_UNDER,
    LIMITER_OVER,
    LIMITER_FAR /* over the limit by half of what is remembered, or more */
};

struct limiter_account {
    _Atomic uint64_t *line;
    uint64_t tag;
    uint64_t seen; /* the word when it was looked at; it may be another owner's, to be replaced */
    unsigned place;
};

/* A client's accounts as they were when it was looked at. A zeroed one is FREE. */
struct limiter_visit {
    enum limiter_state state;
    unsigned first; /* band of the first account */
    unsigned count; /* accounts */
    unsigned over;  /* the narrowest that is over its limit, for OVER and FAR */
    uint64_t now;   /* ticks */
    struct limiter_address address;
    struct limiter_account accounts[LIMITER_DEPTH];
};

/* A zeroed limiter is a closed one. */
struct limiter {
    struct hash_key key;
    _Atomic uint64_t *lines;
    void *memory;
};

/* RESULT_SYSTEM without memory. Memory is touched only as accounts are opened. */
MUST_CHECK enum result limiter_open(struct limiter *limiter, const struct hash_key *key);
void limiter_close(struct limiter *limiter);

struct limiter_address limiter_address_of(const struct sockaddr *client);

/* Rules for signatures, which are charged as plain answers with records: an address may have an
 * eighth of what the tokens make, the networks around it no more than a half. `rate`: signatures a
 * minute, not 0. */
void limiter_rules_for_signatures(struct limiter_rules *rules, enum limiter_ledger ledger,
                                  uint32_t rate);

/* False when no class has a limit: there is nothing to be limited. */
bool limiter_rules_from(struct limiter_rules *rules, const struct config_rate_limit *config);

/* Whether this is within an IPv4 address. */
static inline bool limiter_is_four(const struct limiter_address *address)
{
    return address->high == 0 && address->low >> 32 == 0xffff;
}

/* Whether answers of this class are limited. */
static inline bool limiter_is_limited(const struct limiter_rules *rules,
                                      enum config_answer_class class)
{
    return rules->costs[class][0] != 0;
}

/* Time for limiter_look, from milliseconds of a clock that never goes back. */
uint64_t limiter_ticks(uint64_t now_ms);

/*
 * Look at a client's accounts. Nothing is changed.
 *
 * known    The client has shown that the address is its own: it has one account, apart from the
 *          others, that nobody else can use up, with a hundred times as much to spend.
 * now      From limiter_ticks, of a moment that may be some milliseconds back.
 */
void limiter_look(struct limiter *limiter, const struct limiter_rules *rules,
                  const struct limiter_address *address, bool known, uint64_t now,
                  struct limiter_visit *visit);

/* What an answer of so many octets costs: LIMITER_PLAIN or more. */
static inline unsigned limiter_price(size_t octets)
{
    return octets <= LIMITER_PLAIN_OCTETS
               ? LIMITER_PLAIN
               : (unsigned)(octets * LIMITER_PLAIN / LIMITER_PLAIN_OCTETS);
}

/* An answer goes out: every account of the client is charged. Nothing for a class without limit. */
void limiter_charge(const struct limiter_rules *rules, struct limiter_visit *visit,
                    enum config_answer_class class, unsigned price);

/* An answer was held back, as the client is over its limit: only the account that is over is
 * charged. What a flooder is not sent is no burden to its neighbours. */
void limiter_debit(const struct limiter_rules *rules, struct limiter_visit *visit,
                   enum config_answer_class class, unsigned price);

/* The prefix that is over its limit: `192.0.2.0/24`. Returns `text`. */
char *limiter_prefix_to_text(const struct limiter_visit *visit, char text[LIMITER_PREFIX_TEXT]);

#endif
