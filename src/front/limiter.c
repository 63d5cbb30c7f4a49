/* limiter.c - what each address and each network around it was sent of late: one table for all. */
#include "limiter.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An account is a tag above a moment. Moments are counted in ticks of a sixteenth of a microsecond,
 * and begin anew after twelve days: an account that is behind looks as if it were very far ahead,
 * and counts as paid back. One that is a little too far ahead is at `most`: threads read the time
 * in turns of their own, and another one's may have been later. An account of exactly those twelve
 * days ago is mistaken for one that is ahead, for as long as `most`: nobody else lasts that long.
 */
enum {
    MOMENT_BITS = 44,
    TICKS_PER_MS = 16000,
    TRIES = 4, /* of a change that others get in the way of; then it is left out, once */
    SIGNATURES_SECONDS = 4 /* worth of signatures that can be had at once */
};

#define MOMENT_MASK  ((UINT64_C(1) << MOMENT_BITS) - 1)
#define SECOND       (UINT64_C(1000) * TICKS_PER_MS)
#define DISAGREEMENT (10 * SECOND)
#define FRACTION     16 /* bits of a cost behind the point */
#define LINE_OCTETS  (LIMITER_ACCOUNTS * sizeof(uint64_t))

/* The narrowest first. What a network has more than an address: a /24 or /64 is what one office
 * has, a /20, /18 or /48 a company or a small provider, a /32 a large one. */
static const struct band {
    uint8_t length; /* of an IPv6 prefix; that of an IPv4 prefix lies 96 bits in */
    uint16_t factor;
    uint8_t part; /* what an account may have of all signatures: one in so many */
} bands[LIMITER_BANDS] = {
    {96 + 32, 1, 8}, {96 + 24, 32, 4}, {96 + 20, 256, 2}, {96 + 18, 768, 2}, {128, 1, 8},
    {64, 2, 8},      {56, 4, 4},       {48, 16, 2},       {32, 128, 2},      {128, 100, 8},
};
enum { FOUR = 0, FOUR_COUNT = 4, SIX = 4, SIX_COUNT = 5, KNOWN = 9 };

enum result limiter_open(struct limiter *limiter, const struct hash_key *key)
{
    size_t octets = LIMITER_LINES * LINE_OCTETS;

    *limiter = (struct limiter){.key = *key, .memory = calloc(1, octets + LINE_OCTETS)};
    if (!limiter->memory)
        return RESULT_SYSTEM;
    uintptr_t start = (uintptr_t)limiter->memory;
    size_t skip = (LINE_OCTETS - start % LINE_OCTETS) % LINE_OCTETS;
    limiter->lines = (_Atomic uint64_t *)((unsigned char *)limiter->memory + skip);
    return RESULT_OK;
}

void limiter_close(struct limiter *limiter)
{
    free(limiter->memory);
    *limiter = (struct limiter){.memory = NULL};
}

bool limiter_rules_from(struct limiter_rules *rules, const struct config_rate_limit *config)
{
    uint32_t fastest = 0;

    memset(rules, 0, sizeof *rules);
    for (unsigned class = 0; class < CONFIG_CLASSES; class ++) {
        uint32_t rate = config->classes[class];
        fastest = rate > fastest ? rate : fastest;
        for (unsigned band = 0; band < LIMITER_BANDS && rate; band++)
            rules->costs[class][band] = (SECOND << FRACTION) / rate / bands[band].factor;
    }
    if (!fastest)
        return false;
    /* A second's worth can be had at once: there must be room for one more. */
    for (unsigned band = 0; band < LIMITER_BANDS; band++)
        rules->over[band] = SECOND - SECOND / fastest / bands[band].factor;
    rules->most = SECOND + config->window * SECOND;
    rules->far = SECOND + config->window * SECOND / 2;
    return true;
}

void limiter_rules_for_signatures(struct limiter_rules *rules, enum limiter_ledger ledger,
                                  uint32_t rate)
{
    memset(rules, 0, sizeof *rules);
    rules->ledger = ledger;
    for (unsigned band = 0; band < LIMITER_BANDS; band++) {
        rules->costs[CONFIG_CLASS_POSITIVE][band] =
            (SECOND << FRACTION) / rate * 60 * bands[band].part;
        rules->over[band] = SIGNATURES_SECONDS * SECOND;
    }
    rules->most = rules->far = 4 * SIGNATURES_SECONDS * SECOND;
}

struct limiter_address limiter_address_of(const struct sockaddr *client)
{
    struct limiter_address address = {0};

    if (client->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)client;
        address.low = UINT64_C(0xffff) << 32 | ntohl(four->sin_addr.s_addr);
        return address;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)client;
    memcpy(&address, &six->sin6_addr, sizeof address);
    address.high = be64toh(address.high);
    address.low = be64toh(address.low);
    return address;
}

uint64_t limiter_ticks(uint64_t now_ms)
{
    return now_ms * TICKS_PER_MS & MOMENT_MASK;
}

/* ---- accounts --------------------------------------------------------------------------------*/

static struct limiter_address prefix_of(const struct limiter_address *address, unsigned length)
{
    struct limiter_address prefix = {.high = address->high};

    if (length < 64)
        prefix.high &= ~(UINT64_MAX >> length);
    else if (length > 64)
        prefix.low = address->low & (UINT64_MAX << (128 - length));
    return prefix;
}

/* How far ahead of now an account is. */
static uint64_t ahead_of(uint64_t word, uint64_t now, uint64_t most)
{
    uint64_t ahead = (word - now) & MOMENT_MASK;

    if (ahead > most + DISAGREEMENT)
        return 0;
    return ahead < most ? ahead : most;
}

/* Every query pays for four or five of these: what is hashed is as short as can be. What is of the
 * same length differs in the kind of account: its ledger and band. */
static uint64_t hash_of(const struct hash_key *key, const struct limiter_address *prefix,
                        unsigned account)
{
    const uint64_t four = (prefix->low & UINT32_MAX) | (uint64_t)account << 32;
    const uint64_t network[] = {prefix->high, account};
    const uint64_t address[] = {prefix->high, prefix->low, account};
    unsigned band = account % LIMITER_BANDS;

    if (band < FOUR + FOUR_COUNT)
        return hash_octets(key, &four, sizeof four);
    if (bands[band].length <= 64)
        return hash_octets(key, network, sizeof network);
    return hash_octets(key, address, sizeof address);
}

static void aim(const struct limiter *limiter, enum limiter_ledger ledger,
                const struct limiter_address *address, unsigned band,
                struct limiter_account *account)
{
    const struct limiter_address prefix = prefix_of(address, bands[band].length);
    uint64_t hash = hash_of(&limiter->key, &prefix, ledger * LIMITER_BANDS + band);

    account->line = limiter->lines + hash % LIMITER_LINES * LIMITER_ACCOUNTS;
    account->tag = hash >> MOMENT_BITS << MOMENT_BITS;
    __builtin_prefetch((const void *)account->line, 1);
}

/* The account that is paid back first gives way. */
static void find_room(struct limiter_account *account, uint64_t now, uint64_t most)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < LIMITER_ACCOUNTS; i++) {
        uint64_t word = atomic_load_explicit(&account->line[i], memory_order_relaxed);
        uint64_t ahead = ahead_of(word, now, most);
        if (ahead >= least)
            continue;
        account->place = i;
        account->seen = word;
        least = ahead;
    }
}

/* Find the account, else the one whose place it would take. How far ahead it is. */
static uint64_t find(struct limiter_account *account, uint64_t now, uint64_t most)
{
    for (unsigned i = 0; i < LIMITER_ACCOUNTS; i++) {
        uint64_t word = atomic_load_explicit(&account->line[i], memory_order_relaxed);
        if ((word & ~MOMENT_MASK) != account->tag)
            continue;
        account->place = i;
        account->seen = word;
        return ahead_of(word, now, most);
    }
    find_room(account, now, most);
    return 0;
}

static void add(struct limiter_account *account, uint64_t now, uint64_t ticks, uint64_t most)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        bool own = (account->seen & ~MOMENT_MASK) == account->tag;
        uint64_t ahead = own ? ahead_of(account->seen, now, most) : 0;
        ahead = ahead + ticks < most ? ahead + ticks : most;
        uint64_t word = account->tag | ((now + ahead) & MOMENT_MASK);
        if (atomic_compare_exchange_strong_explicit(&account->line[account->place], &account->seen,
                                                    word, memory_order_relaxed,
                                                    memory_order_relaxed)) {
            account->seen = word;
            return;
        }
        (void)find(account, now, most);
    }
}

/* ---- clients ---------------------------------------------------------------------------------*/

void limiter_look(struct limiter *limiter, const struct limiter_rules *rules,
                  const struct limiter_address *address, bool known, uint64_t now,
                  struct limiter_visit *visit)
{
    bool four = limiter_is_four(address);

    visit->state = LIMITER_UNDER;
    visit->first = known ? KNOWN : four ? FOUR : SIX;
    visit->count = known ? 1 : four ? FOUR_COUNT : SIX_COUNT;
    visit->now = now;
    visit->address = *address;
    /* All lines are on their way from memory before the first is read. */
    for (unsigned i = 0; i < visit->count; i++)
        aim(limiter, rules->ledger, address, visit->first + i, &visit->accounts[i]);
    for (unsigned i = 0; i < visit->count; i++) {
        uint64_t ahead = find(&visit->accounts[i], now, rules->most);
        if (ahead <= rules->over[visit->first + i])
            continue;
        if (visit->state == LIMITER_UNDER) {
            visit->state = LIMITER_OVER;
            visit->over = i;
        }
        if (ahead > rules->far)
            visit->state = LIMITER_FAR;
    }
}

static void charge_one(const struct limiter_rules *rules, struct limiter_visit *visit,
                       unsigned which, enum config_answer_class class, unsigned price)
{
    uint64_t cost = rules->costs[class][visit->first + which] * price / LIMITER_PLAIN >> FRACTION;

    add(&visit->accounts[which], visit->now, cost ? cost : 1, rules->most);
}

void limiter_charge(const struct limiter_rules *rules, struct limiter_visit *visit,
                    enum config_answer_class class, unsigned price)
{
    if (!limiter_is_limited(rules, class) || visit->state == LIMITER_FREE)
        return;
    for (unsigned i = 0; i < visit->count; i++)
        charge_one(rules, visit, i, class, price);
}

void limiter_debit(const struct limiter_rules *rules, struct limiter_visit *visit,
                   enum config_answer_class class, unsigned price)
{
    if (limiter_is_limited(rules, class) && visit->state >= LIMITER_OVER)
        charge_one(rules, visit, visit->over, class, price);
}

char *limiter_prefix_to_text(const struct limiter_visit *visit, char text[LIMITER_PREFIX_TEXT])
{
    unsigned length = bands[visit->first + visit->over].length;
    const struct limiter_address prefix = prefix_of(&visit->address, length);
    bool four = limiter_is_four(&visit->address);
    uint8_t octets[16];
    char address[INET6_ADDRSTRLEN] = "?";

    for (unsigned i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(prefix.high >> (56 - 8 * i));
        octets[8 + i] = (uint8_t)(prefix.low >> (56 - 8 * i));
    }
    (void)inet_ntop(four ? AF_INET : AF_INET6, four ? octets + 12 : octets, address,
                    sizeof address);
    (void)snprintf(text, LIMITER_PREFIX_TEXT, "%s/%u", address, four ? length - 96 : length);
    return text;
}
