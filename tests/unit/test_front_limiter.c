/* test_front_limiter.c - who is over the limit, for how long, and who never is: strangers, however
 * many there are, and the neighbours of a flooder. */
#include "support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "src/front/limiter.h"

enum { START_MS = 5000, RATE = 200 };

static struct limiter limiter;
static struct limiter_rules rules;
static uint64_t now_ms;

static void open_limiter(void)
{
    const uint8_t seed[HASH_SEED_OCTETS] = {7};
    struct hash_key key;
    struct config_rate_limit config = {.window = 15};

    hash_key_from_seed(&key, seed);
    ck_assert_int_eq(limiter_open(&limiter, &key), RESULT_OK);
    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        config.classes[i] = RATE;
    ck_assert(limiter_rules_from(&rules, &config));
    now_ms = START_MS;
}

static void close_limiter(void)
{
    limiter_close(&limiter);
}

static struct limiter_address four_of(uint32_t address)
{
    return (struct limiter_address){.low = UINT64_C(0xffff) << 32 | address};
}

static struct limiter_address address_of(const char *text)
{
    uint8_t octets[16];
    struct limiter_address address = {0};

    if (inet_pton(AF_INET, text, octets) == 1)
        return four_of((uint32_t)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]);
    ck_assert_int_eq(inet_pton(AF_INET6, text, octets), 1);
    for (unsigned i = 0; i < 8; i++) {
        address.high = address.high << 8 | octets[i];
        address.low = address.low << 8 | octets[8 + i];
    }
    return address;
}

static enum limiter_state state_of(struct limiter_address address, bool known)
{
    struct limiter_visit visit;

    limiter_look(&limiter, &rules, &address, known, limiter_ticks(now_ms), &visit);
    return visit.state;
}

/* As a server does it: whether a plain answer went out. */
static bool ask(struct limiter_address address, enum config_answer_class class, bool known)
{
    struct limiter_visit visit;

    limiter_look(&limiter, &rules, &address, known, limiter_ticks(now_ms), &visit);
    bool sent = visit.state == LIMITER_UNDER;
    if (sent)
        limiter_charge(&rules, &visit, class, LIMITER_PLAIN);
    else
        limiter_debit(&rules, &visit, class, LIMITER_PLAIN);
    return sent;
}

static unsigned ask_often(const char *text, unsigned times)
{
    unsigned sent = 0;

    for (unsigned i = 0; i < times; i++)
        sent += ask(address_of(text), CONFIG_CLASS_POSITIVE, false);
    return sent;
}

static void set_class(enum config_answer_class class, uint32_t rate)
{
    struct config_rate_limit config = {.window = 15};

    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        config.classes[i] = i == class ? rate : RATE;
    ck_assert(limiter_rules_from(&rules, &config));
}

/* ---- one client ------------------------------------------------------------------------------*/

static const char *const clients[] = {"192.0.2.1", "2001:db8::1"};

START_TEST(so_many_at_once_and_then_so_many_a_second)
{
    ck_assert_uint_eq(ask_often(clients[_i], RATE), RATE);
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_OVER);
    now_ms += 1000 / RATE;
    ck_assert_uint_eq(ask_often(clients[_i], 1), 1);
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_OVER);
    now_ms += 500;
    unsigned sent = 0;
    while (state_of(address_of(clients[_i]), false) == LIMITER_UNDER)
        sent += ask_often(clients[_i], 1);
    ck_assert_uint_eq(sent, RATE / 2);
}
END_TEST

START_TEST(who_does_not_stop_is_far_over_and_free_a_window_after_stopping)
{
    (void)ask_often(clients[_i], RATE * 100);
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_FAR);
    now_ms += 14900;
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_OVER);
    now_ms += 110;
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_UNDER);
}
END_TEST

START_TEST(a_class_has_its_price)
{
    unsigned sent = 0;

    set_class(CONFIG_CLASS_NXDOMAIN, 10);
    for (unsigned i = 0; i < 100; i++)
        sent += ask(address_of(clients[_i]), CONFIG_CLASS_NXDOMAIN, false);
    ck_assert_uint_eq(sent, 10);
    /* No limit: nothing is charged. */
    set_class(CONFIG_CLASS_ERROR, 0);
    now_ms += 20000;
    for (unsigned i = 0; i < RATE * 2; i++)
        ck_assert(ask(address_of(clients[_i]), CONFIG_CLASS_ERROR, false));
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_UNDER);
}
END_TEST

START_TEST(size_and_signatures_have_their_price)
{
    struct limiter_visit visit;
    struct limiter_address address = address_of(clients[_i]);

    ck_assert_uint_eq(limiter_price(40), LIMITER_PLAIN);
    ck_assert_uint_eq(limiter_price(LIMITER_PLAIN_OCTETS), LIMITER_PLAIN);
    ck_assert_uint_eq(limiter_price(1200), 3 * LIMITER_PLAIN);
    for (unsigned i = 0; i < RATE / LIMITER_SIGNATURE_ANSWERS; i++) {
        limiter_look(&limiter, &rules, &address, false, limiter_ticks(now_ms), &visit);
        ck_assert_int_eq(visit.state, LIMITER_UNDER);
        limiter_charge(&rules, &visit, CONFIG_CLASS_POSITIVE,
                       LIMITER_SIGNATURE_ANSWERS * LIMITER_PLAIN);
    }
    ck_assert_int_eq(state_of(address, false), LIMITER_OVER);
}
END_TEST

START_TEST(who_is_known_is_not_limited_by_what_others_do_in_its_name)
{
    struct limiter_address address = address_of(clients[_i]);
    unsigned sent = 0;

    (void)ask_often(clients[_i], RATE * 100);
    ck_assert(!ask(address, CONFIG_CLASS_POSITIVE, false));
    for (unsigned i = 0; i < RATE * 200; i++)
        sent += ask(address, CONFIG_CLASS_POSITIVE, true);
    ck_assert_uint_eq(sent, RATE * 100);
}
END_TEST

/* Threads read the time in turns of their own: one that is behind must not forgive what another has
 * charged. */
START_TEST(threads_disagree_about_the_time)
{
    (void)ask_often(clients[_i], RATE * 100);
    now_ms -= 3;
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_FAR);
    ck_assert_uint_eq(ask_often(clients[_i], RATE), 0);
    now_ms -= 3000;
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_FAR);
}
END_TEST

/* Moments begin anew after twelve days; around that nothing is different. */
START_TEST(time_goes_around)
{
    now_ms = (UINT64_C(1) << 44) / 16000 - 300;
    ck_assert_uint_eq(ask_often(clients[_i], RATE * 2), RATE);
    now_ms += 500;
    ck_assert_int_eq(state_of(address_of(clients[_i]), false), LIMITER_OVER);
    now_ms += 1500;
    ck_assert_uint_eq(ask_often(clients[_i], RATE * 2), RATE);
    now_ms += UINT64_C(86400) * 1000 * 5;
    ck_assert_uint_eq(ask_often(clients[_i], 1), 1);
}
END_TEST

START_TEST(without_a_rate_there_are_no_rules)
{
    struct config_rate_limit config = {.window = 15, .slip = 2};

    ck_assert(!limiter_rules_from(&rules, &config));
    config.classes[CONFIG_CLASS_ERROR] = 1;
    ck_assert(limiter_rules_from(&rules, &config));
}
END_TEST

/* ---- networks --------------------------------------------------------------------------------*/

static const struct {
    const char *inside, *outside;
    unsigned shift; /* of an IPv4 address: which of its networks each step goes to */
    unsigned steps; /* different addresses that ask */
    unsigned factor;
    const char *prefix;
} networks[] = {
    {"192.0.2.0", "192.0.3.1", 0, 256, 32, "192.0.2.0/24"},
    {"192.0.16.0", "192.0.32.1", 0, 4096, 256, "192.0.16.0/20"},
    {"192.0.64.0", "192.0.128.1", 0, 16384, 768, "192.0.64.0/18"},
    {"2001:db8::", "2001:db8:0:1::1", 64, 100, 2, "2001:db8::/64"},
    {"2001:db8::", "2001:db8:0:100::1", 72, 200, 4, "2001:db8::/56"},
    {"2001:db8::", "2001:db8:1::1", 80, 4000, 16, "2001:db8::/48"},
    {"2001:db8::", "2001:db9::1", 96, 8000, 128, "2001:db8::/32"},
};

static struct limiter_address nth_of(unsigned row, unsigned n)
{
    struct limiter_address address = address_of(networks[row].inside);
    unsigned shift = networks[row].shift;

    if (limiter_is_four(&address))
        return four_of((uint32_t)address.low + n);
    if (shift == 64)
        address.low += n; /* in one /64 */
    else
        address.high += shift == 72   ? n % 256            /* the /64s of a /56 */
                        : shift == 80 ? n * 64 % 65536     /* /56s of a /48 */
                                      : (uint64_t)n << 16; /* /48s of a /32 */
    return address;
}

START_TEST(a_network_has_less_than_its_addresses_together)
{
    struct limiter_visit visit;
    char text[LIMITER_PREFIX_TEXT];
    unsigned sent = 0, asked = RATE * networks[_i].factor * 2;

    for (unsigned i = 0; i < asked; i++)
        sent += ask(nth_of((unsigned)_i, i % networks[_i].steps), CONFIG_CLASS_POSITIVE, false);
    /* Costs are rounded, by a tick each. */
    ck_assert_uint_ge(sent, RATE * networks[_i].factor);
    ck_assert_uint_le(sent, RATE * networks[_i].factor * 51 / 50);
    struct limiter_address next = nth_of((unsigned)_i, 1);
    limiter_look(&limiter, &rules, &next, false, limiter_ticks(now_ms), &visit);
    ck_assert_int_ge(visit.state, LIMITER_OVER);
    if (networks[_i].factor > 2) /* else an address alone is over its limit, too */
        ck_assert_str_eq(limiter_prefix_to_text(&visit, text), networks[_i].prefix);
    ck_assert_int_eq(state_of(address_of(networks[_i].outside), false), LIMITER_UNDER);
}
END_TEST

START_TEST(a_flooder_is_no_burden_to_its_neighbours)
{
    (void)ask_often("192.0.2.1", RATE * 1000);
    (void)ask_often("2001:db8::1", RATE * 1000);
    ck_assert_int_eq(state_of(address_of("192.0.2.1"), false), LIMITER_FAR);
    ck_assert_int_eq(state_of(address_of("192.0.2.2"), false), LIMITER_UNDER);
    ck_assert_int_eq(state_of(address_of("2001:db8::2"), false), LIMITER_UNDER);
}
END_TEST

START_TEST(families_do_not_meet)
{
    struct limiter_address address = address_of("::ffff:192.0.2.1");

    (void)ask_often("192.0.2.1", RATE * 10);
    ck_assert(state_of(address_of("::1"), false) == LIMITER_UNDER);
    ck_assert(state_of(address_of("::192.0.2.1"), false) == LIMITER_UNDER);
    ck_assert(limiter_is_four(&address)); /* the same client by way of the other family */
    ck_assert(state_of(address, false) >= LIMITER_OVER);
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------*/

enum {
    SOURCES = 1000000,
    SOURCES_LONG = 10000000, /* in the long form */
    PER_MS = 100,            /* 100,000 queries a second */
    HEAVY = 20000            /* that are over their limit all the time */
};

/* Different for each n, and all over the address space: a multiplication by an odd number. */
static struct limiter_address stranger(uint32_t n)
{
    return four_of(n * UINT32_C(2654435761));
}

static struct limiter_address heavy(unsigned n)
{
    struct limiter_address address = {.high = UINT64_C(0x2001000000000000) + ((uint64_t)n << 32)};
    return address;
}

/* Somebody asks so often, at once. Whether an answer goes out. */
static bool flood(unsigned n, unsigned times)
{
    struct limiter_visit visit;
    struct limiter_address address = heavy(n);

    limiter_look(&limiter, &rules, &address, false, limiter_ticks(now_ms), &visit);
    if (visit.state == LIMITER_UNDER)
        limiter_charge(&rules, &visit, CONFIG_CLASS_POSITIVE, times * LIMITER_PLAIN);
    else
        limiter_debit(&rules, &visit, CONFIG_CLASS_POSITIVE, times * LIMITER_PLAIN);
    return visit.state == LIMITER_UNDER;
}

/* Strangers ask once each while many others are far over their limits, and while the table has to
 * give up accounts: hardly any of them is taken for one of those, and none of those gets away. */
START_TEST(strangers_are_not_limited)
{
    unsigned sources = getenv("AVOW_CAMPAIGN") ? SOURCES_LONG : SOURCES, wrong = 0, forgotten = 0;

    for (unsigned i = 0; i < HEAVY; i++)
        (void)flood(i, RATE * 16);
    for (uint32_t n = 0; n < sources; n++) {
        now_ms += n % PER_MS == 0;
        wrong += !ask(stranger(n), CONFIG_CLASS_POSITIVE, false);
        /* Each of the heavy comes back, and has not been forgotten. */
        if (n % 4 == 0)
            forgotten += flood(n / 4 % HEAVY, RATE);
    }
    ck_assert_msg((uint64_t)wrong * 1000 <= sources, "%u of %u strangers were limited", wrong,
                  sources);
    ck_assert_msg((uint64_t)forgotten * 1000 <= sources / 4,
                  "%u of %u times one of the heavy was not", forgotten, sources / 4);
    if (getenv("AVOW_CAMPAIGN"))
        printf("%u of %u strangers were limited; %u times one of %d heavy ones was not\n", wrong,
               sources, forgotten, HEAVY);
}
END_TEST

/* ---- several threads -------------------------------------------------------------------------*/

enum { THREADS = 2, EACH = 50000 };

static void *charge_from_a_thread(void *context)
{
    struct limiter_visit visit;
    struct limiter_address address = address_of("192.0.2.1");
    (void)context;

    for (unsigned i = 0; i < EACH; i++) {
        limiter_look(&limiter, &rules, &address, false, limiter_ticks(START_MS), &visit);
        limiter_charge(&rules, &visit, CONFIG_CLASS_POSITIVE, LIMITER_PLAIN);
    }
    return NULL;
}

START_TEST(threads_charge_one_account)
{
    pthread_t threads[THREADS];
    struct config_rate_limit config = {.window = 300,
                                       .classes = {THREADS * EACH / 100, 1, 1, 1, 1}};

    ck_assert(limiter_rules_from(&rules, &config));
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, charge_from_a_thread, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    /* All together 100 seconds; one change in so many may have been given up. */
    now_ms = START_MS + 95000;
    ck_assert_int_ge(state_of(address_of("192.0.2.1"), false), LIMITER_OVER);
    now_ms = START_MS + 101000;
    ck_assert_int_eq(state_of(address_of("192.0.2.1"), false), LIMITER_UNDER);
}
END_TEST

/* ---- signatures ------------------------------------------------------------------------------*/

static const struct {
    const char *what, *first; /* addresses that ask, counted up from this */
    unsigned count;
    unsigned spent; /* each, of a token that makes 80 a second */
    const char *asks;
    enum limiter_state state;
} signers[] = {
    {"a little", "192.0.2.1", 1, 30, "192.0.2.1", LIMITER_UNDER},
    {"an eighth of four seconds", "192.0.2.1", 1, 41, "192.0.2.1", LIMITER_OVER},
    {"its neighbour", "192.0.2.1", 1, 41, "192.0.2.2", LIMITER_UNDER},
    {"a network, a quarter", "192.0.2.1", 3, 30, "192.0.2.99", LIMITER_OVER},
    {"the next network", "192.0.2.1", 3, 30, "192.0.3.1", LIMITER_UNDER},
    {"six addresses", "2001:db8::1", 1, 41, "2001:db8::ffff", LIMITER_OVER},
    {"the next /64", "2001:db8::1", 1, 41, "2001:db8:0:1::1", LIMITER_UNDER},
};

START_TEST(signatures_are_shared)
{
    struct limiter_address address = address_of(signers[_i].first);
    struct limiter_visit visit;

    limiter_rules_for_signatures(&rules, LIMITER_SIGNATURES, 80 * 60);
    for (unsigned i = 0; i < signers[_i].count; i++, address.low++) {
        limiter_look(&limiter, &rules, &address, false, limiter_ticks(now_ms), &visit);
        limiter_charge(&rules, &visit, CONFIG_CLASS_POSITIVE, signers[_i].spent * LIMITER_PLAIN);
    }
    ck_assert_msg(state_of(address_of(signers[_i].asks), false) == signers[_i].state, "%s",
                  signers[_i].what);
    /* Other ledgers do not know of it. */
    limiter_rules_for_signatures(&rules, LIMITER_SIGNATURES_PROVEN, 80 * 60);
    ck_assert_int_eq(state_of(address_of(signers[_i].first), false), LIMITER_UNDER);
    set_class(CONFIG_CLASS_POSITIVE, 1);
    ck_assert_int_eq(state_of(address_of(signers[_i].first), false), LIMITER_UNDER);
    /* And time pays it back. */
    limiter_rules_for_signatures(&rules, LIMITER_SIGNATURES, 80 * 60);
    now_ms += 8000;
    ck_assert_int_eq(state_of(address_of(signers[_i].asks), false), LIMITER_UNDER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/limiter");
    TCase *one = tcase_create("one client"), *many = tcase_create("many");
    const int families = COUNT(clients);

    tcase_add_checked_fixture(one, open_limiter, close_limiter);
    tcase_add_loop_test(one, so_many_at_once_and_then_so_many_a_second, 0, families);
    tcase_add_loop_test(one, who_does_not_stop_is_far_over_and_free_a_window_after_stopping, 0,
                        families);
    tcase_add_loop_test(one, a_class_has_its_price, 0, families);
    tcase_add_loop_test(one, size_and_signatures_have_their_price, 0, families);
    tcase_add_loop_test(one, who_is_known_is_not_limited_by_what_others_do_in_its_name, 0,
                        families);
    tcase_add_loop_test(one, threads_disagree_about_the_time, 0, families);
    tcase_add_loop_test(one, time_goes_around, 0, families);
    tcase_add_test(one, without_a_rate_there_are_no_rules);
    suite_add_tcase(suite, one);
    tcase_add_checked_fixture(many, open_limiter, close_limiter);
    tcase_set_timeout(many, 300);
    tcase_add_loop_test(many, a_network_has_less_than_its_addresses_together, 0, COUNT(networks));
    tcase_add_test(many, a_flooder_is_no_burden_to_its_neighbours);
    tcase_add_test(many, families_do_not_meet);
    tcase_add_test(many, strangers_are_not_limited);
    tcase_add_test(many, threads_charge_one_account);
    tcase_add_loop_test(many, signatures_are_shared, 0, COUNT(signers));
    suite_add_tcase(suite, many);
    return run_suite(suite);
}
