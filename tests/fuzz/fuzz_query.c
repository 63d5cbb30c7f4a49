/*
 * fuzz_query.c - any message, answered from zones of every kind.
 *
 * The first octet chooses the way of denial, transport, cache, patience and cookies; the rest is
 * the message. What comes out must be a response to it, well-formed, no longer than allowed, and
 * what a validator would accept; and the cookie that it carries must be good when it comes back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/answer/cache.h"
#include "avow/answer/cookie.h"

#include "response.h"

enum { OUT_OCTETS = 65535 };

static const char parent_text[] =
    "$TTL 300\n"
    "@ SOA ns h 1 2 3 4 60\n"
    "@ NS ns\n"
    "ns A 192.0.2.1\n"
    "a A 192.0.2.2\n"
    "a\\000b A 192.0.2.3\n"
    "*.w A 192.0.2.4\n"
    "*.w MX 1 a\n"
    "x.w A 192.0.2.5\n"
    "*.v CNAME b.w\n"
    "y.*.u A 192.0.2.6\n"
    "*.t NS ns.t2\n"
    "*.s DNAME w\n"
    "c CNAME a\n"
    "l CNAME l2\n"
    "l2 CNAME l\n"
    "o CNAME a.b.\n"
    "d DNAME w\n"
    "e DNAME e.e\n"
    "f DNAME k\n"
    "i NS ns.i\n"
    "i NS ns.j\n"
    "ns.i A 192.0.2.7\n"
    "j NS ns.j\n"
    "j DS 1 13 2 "
    "0123456789012345678901234567890123456789012345678901234567890123\n"
    "ns.j AAAA 2001:db8::1\n"
    "k NS ns.k\n"
    "ns.k A 192.0.2.8\n"
    "m.m.m.m A 192.0.2.9\n";
static const char child_text[] = "$TTL 300\n"
                                 "@ SOA ns h 1 2 3 4 60\n"
                                 "@ NS ns\n"
                                 "ns A 192.0.2.10\n"
                                 "*.x CNAME *.w.z.\n";

static struct world worlds[WORLD_DENIALS];
static struct answerer answerers[WORLD_DENIALS];
static struct answer_cache *caches[WORLD_DENIALS];
static uint8_t out[OUT_OCTETS + 1];
static struct outcome outcome;
static struct response response;

static void load(struct world *world, const char *apex, const char *text, enum world_denial denial,
                 enum world_signing signing)
{
    world_load(world, &(struct world_zone){.apex = apex,
                                           .text = text,
                                           .length = strlen(text),
                                           .denial = denial,
                                           .signing = signing});
}

static void close_worlds(void)
{
    for (unsigned i = 0; i < WORLD_DENIALS; i++) {
        answer_cache_free(caches[i]);
        world_close(&worlds[i]);
    }
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    for (unsigned i = 0; i < WORLD_DENIALS; i++) {
        world_open(&worlds[i], 16 << 20);
        load(&worlds[i], "z.", parent_text, i, WORLD_SIGNED);
        load(&worlds[i], "k.z.", child_text, i, WORLD_SIGNED);
        load(&worlds[i], "n.", child_text, i, WORLD_NOT_YET);
        world_ready(&worlds[i], &answerers[i]);
        answerers[i].version = answerers[i].identity = "x";
        if (answer_cache_make(&caches[i], 1 << 20))
            abort();
    }
    return atexit(close_worlds);
}

static void require(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static size_t limit_of(const struct query *query, const struct answer_facts *facts)
{
    if (facts->transport == ANSWER_TCP)
        return OUT_OCTETS;
    if (!query->edns.present || query->edns.payload < 512) /* one that was not read says 0 */
        return 512;
    return query->edns.payload < ANSWER_UDP_PAYLOAD ? query->edns.payload : ANSWER_UDP_PAYLOAD;
}

static void check_frame(const struct query *query, const struct answer_facts *facts)
{
    const uint8_t *octets = query->octets;

    require(outcome.length >= 12 && outcome.length <= limit_of(query, facts), "the length");
    require(out[0] == octets[0] && out[1] == octets[1], "the id");
    require(out[2] & 0x80 && (out[2] & 0x79) == (octets[2] & 0x79), "QR, opcode and RD");
    require((out[3] & 0xf0) == (octets[3] & 0x10), "RA, Z, AD and CD");
    require(memcmp(out + 12, octets + 12, query->question_end - 12U) == 0, "the question");
    const char *wrong = response_read(out, outcome.length, &response);
    require(!wrong, wrong);
    require(response.opt == query->edns.present, "an OPT for an OPT");
    require(!(response.header.flags & FLAG_TC) == !outcome.truncated, "TC");
    require(!outcome.truncated || facts->transport == ANSWER_UDP || response.count, "TC over TCP");
    require(response.rcode == outcome.rcode, "the RCODE");
    require(!outcome.corrupt, "damage where there is none");
}

/* As the front does, which refuses bad ones. What it sends back is good, and stays as it is. */
static void add_cookie(const struct query *query, struct answer_facts *facts,
                       uint8_t cookie[COOKIE_OCTETS])
{
    static const struct cookie_secrets secrets = {.count = 2, .octets = {"one", "another"}};
    static const uint8_t address[4] = {192, 0, 2, 1};
    struct edns edns = query->edns;
    const struct cookie_sender sender = {
        .edns = &edns, .address = address, .address_length = sizeof address, .now = facts->now};
    uint8_t again[COOKIE_OCTETS];
    enum cookie_kind kind = cookie_judge(&secrets, &sender, cookie);

    require((kind == COOKIE_NONE) == (edns.cookie_length == 0), "a cookie for a cookie");
    if (kind == COOKIE_NONE)
        return;
    require(memcmp(cookie, edns.cookie, 8) == 0, "the client's half");
    facts->cookie = cookie;
    facts->cookie_length = COOKIE_OCTETS;
    facts->bad_cookie = kind == COOKIE_BAD;
    memcpy(edns.cookie, cookie, COOKIE_OCTETS);
    edns.cookie_length = COOKIE_OCTETS;
    require(cookie_judge(&secrets, &sender, again) == COOKIE_GOOD, "a cookie that comes back");
    require(memcmp(again, cookie, COOKIE_OCTETS) == 0, "the same cookie");
}

static void check_cookie(const struct answer_facts *facts)
{
    require((response.opt ? response.edns.cookie_length : 0) == facts->cookie_length,
            "the cookie's length");
    require(!facts->cookie || memcmp(response.edns.cookie, facts->cookie, COOKIE_OCTETS) == 0,
            "the cookie");
}

static bool can_be_judged(const struct query *query)
{
    return query->edns.dnssec_ok && !outcome.truncated && query->question_end > 12 &&
           query->question.class_ == CLASS_IN && query->question.type != TYPE_RRSIG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query;
    if (size == 0)
        return 0;
    unsigned world = data[0] % WORLD_DENIALS;
    struct answer_facts facts = {.now = WORLD_NOW,
                                 .transport = data[0] & 4 ? ANSWER_TCP : ANSWER_UDP,
                                 .patience = data[0] & 16   ? ANSWER_NOW
                                             : data[0] & 64 ? ANSWER_NAMES
                                                            : ANSWER_MAY_WAIT};
    uint8_t cookie[COOKIE_OCTETS];

    answerers[world].cache = data[0] & 8 ? caches[world] : NULL;
    answerers[world].udp_payload = ANSWER_UDP_PAYLOAD;
    if (query_read(data + 1, size - 1, &query) != ANSWER_SEND)
        return 0;
    if (data[0] & 32)
        add_cookie(&query, &facts, cookie);
    answer_query(&answerers[world], &query, &facts, out, OUT_OCTETS, &outcome);
    if (outcome.verdict == ANSWER_WANTED) {
        require(facts.patience != ANSWER_NOW && outcome.wanted_count > 0 &&
                    outcome.wanted_count <= ANSWER_WANTED_LIMIT,
                "what is wanted");
        return 0;
    }
    if (outcome.verdict == ANSWER_DROP && facts.patience == ANSWER_NAMES)
        return 0; /* a denial that is left out */
    require(outcome.verdict == ANSWER_SEND, "the verdict");
    check_frame(&query, &facts);
    check_cookie(&facts);
    if (can_be_judged(&query)) {
        const char *wrong = response_judge(&worlds[world], &response);
        require(!wrong, wrong);
    }
    require(answer_shorten(out, &outcome) <= limit_of(&query, &facts), "the short length");
    require(!response_read(out, outcome.length, &response) && response.count == 0, "what is short");
    return 0;
}
