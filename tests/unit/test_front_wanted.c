/* test_front_wanted.c - who waits for which signature, who asks for it, and for how long. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "names.h"
#include "src/front/wanted.h"

enum { MOST_ASKED = 20000 };

/* The world around a table. */
static struct {
    struct wanted wanted;
    uint64_t now;
    uint64_t asked[MOST_ASKED]; /* ids in the order of asking */
    bool proven[MOST_ASKED];    /* whether it was said that somebody has shown its address */
    unsigned asked_count;
    bool refuse_to_ask;
    unsigned answered, answered_now; /* questions, and of these without waiting */
    unsigned turned;                 /* of the last: the client is to show its address */
    uint64_t last_connection;
    struct outcome
        more; /* what turns out to be missing when a question is answered; count 0: nothing */
    struct outcome outcome;
} test;

static bool ask(void *context, uint64_t id, const struct answer_wanted *what, bool proven)
{
    (void)context, (void)what;
    if (test.refuse_to_ask)
        return false;
    ck_assert_uint_lt(test.asked_count, MOST_ASKED);
    test.proven[test.asked_count] = proven;
    test.asked[test.asked_count++] = id;
    return true;
}

static const struct outcome *answer(void *context, const struct wanted_query *query,
                                    enum answer_patience patience)
{
    (void)context;
    ck_assert_uint_eq(query->length, 4);
    ck_assert_mem_eq(query->octets, "ABCD", 4);
    if (test.more.wanted_count && patience == ANSWER_MAY_WAIT)
        return &test.more;
    test.answered++;
    test.answered_now += patience == ANSWER_NOW;
    test.turned += query->turned;
    test.last_connection = query->origin.connection;
    return NULL;
}

static const struct wanted_events events = {.ask = ask, .answer = answer};

static void open_table(void)
{
    memset(&test, 0, sizeof test);
    test.now = 1000;
    ck_assert_int_eq(wanted_open(&test.wanted, &events, NULL), RESULT_OK);
    wanted_link(&test.wanted, true, test.now);
}

static void close_table(void)
{
    ck_assert(test.wanted.queries > 0 || test.wanted.references == 0);
    wanted_close(&test.wanted);
}

static void want(struct outcome *outcome, const char *owner, uint16_t type)
{
    struct answer_wanted *what = &outcome->wanted[outcome->wanted_count++];

    *what = (struct answer_wanted){
        .kind = ANSWER_WANTED_RRSET, .version = 7, .type = type, .owner = name_of(owner)};
}

static void want_hash(struct outcome *outcome, uint8_t hash)
{
    struct answer_wanted *what = &outcome->wanted[outcome->wanted_count++];

    *what = (struct answer_wanted){
        .kind = ANSWER_WANTED_NSEC3, .version = 7, .hash = {hash}, .owner = name_of("example.")};
}

static bool park_for(struct wanted_asker asker, enum answer_transport transport,
                     uint64_t connection)
{
    union address nobody = {.any = {.sa_family = AF_INET}};
    struct request request = {.octets = (const uint8_t *)"ABCD",
                              .length = 4,
                              .transport = transport,
                              .connection = connection,
                              .client = &nobody,
                              .local = &nobody};

    return wanted_park(&test.wanted, &request, &test.outcome, &asker, test.now);
}

static bool park(enum answer_transport transport, uint64_t connection)
{
    return park_for((struct wanted_asker){.proven = transport == ANSWER_TCP}, transport,
                    connection);
}

static void pass(unsigned ms)
{
    test.now += ms;
    wanted_tick(&test.wanted, test.now);
    wanted_settle(&test.wanted, test.now);
}

START_TEST(one_signature_is_asked_for_once)
{
    want(&test.outcome, "www.example.", TYPE_A);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert(park(ANSWER_TCP, 2));
    test.outcome.wanted_count = 0;
    want(&test.outcome, "WWW.example.", TYPE_A); /* the same in other letters */
    ck_assert(park(ANSWER_UDP, 3));
    ck_assert_uint_eq(test.wanted.asked, 1);

    wanted_stored(&test.wanted, test.asked[0]);
    wanted_stored(&test.wanted, test.asked[0]); /* once more does no harm */
    ck_assert(wanted_has_ready(&test.wanted));
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered, 3);
    ck_assert_uint_eq(test.answered_now, 0);
    ck_assert(!wanted_is_busy(&test.wanted));
    ck_assert_uint_eq(test.wanted.answered, 1);
}
END_TEST

START_TEST(different_things_are_asked_for_each)
{
    static const char *const owners[] = {"a.example.", "b.example.", "a.example."};

    for (unsigned i = 0; i < COUNT(owners); i++)
        want(&test.outcome, owners[i], i < 2 ? TYPE_A : TYPE_AAAA);
    want_hash(&test.outcome, 1);
    want_hash(&test.outcome, 2);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert_uint_eq(test.asked_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!wanted_has_ready(&test.wanted));
        wanted_stored(&test.wanted, test.asked[i]);
    }
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered, 1);
}
END_TEST

START_TEST(a_deadline_is_kept_for_each_transport)
{
    want(&test.outcome, "www.example.", TYPE_A);
    ck_assert(park(ANSWER_TCP, 1));
    ck_assert(park(ANSWER_UDP, 2));
    pass(WANTED_UDP_MS - 1);
    ck_assert_uint_eq(test.answered, 0);
    pass(1);
    ck_assert_uint_eq(test.answered_now, 1);
    ck_assert_uint_eq(test.last_connection, 2);
    pass(WANTED_TCP_MS - WANTED_UDP_MS - 1);
    ck_assert_uint_eq(test.answered, 1);
    pass(1);
    ck_assert_uint_eq(test.answered_now, 2);
    ck_assert_uint_eq(test.wanted.timeouts, 2);
    ck_assert_uint_eq(test.wanted.references, 0);
}
END_TEST

static const struct {
    enum not_stored_reason reason;
    bool waits; /* asks or reads again, rather than giving up */
} refusals[] = {
    {NOT_STORED_BUSY, true},
    {NOT_STORED_UNKNOWN, true},
    {NOT_STORED_UNSIGNED, false},
    {NOT_STORED_FAILED, false},
};

START_TEST(a_refusal_ends_the_waiting)
{
    want(&test.outcome, "www.example.", TYPE_A);
    want(&test.outcome, "other.example.", TYPE_A);
    ck_assert(park(ANSWER_UDP, 1));
    wanted_refused(&test.wanted, test.asked[0], refusals[_i].reason, test.now);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered_now, refusals[_i].waits ? 0 : 1);
    pass(WANTED_UDP_MS);
    ck_assert_uint_eq(test.answered_now, 1);
    ck_assert_uint_eq(test.wanted.references, 0);
}
END_TEST

START_TEST(a_busy_keeper_is_asked_once_more)
{
    want(&test.outcome, "www.example.", TYPE_A);
    ck_assert(park(ANSWER_UDP, 1));
    wanted_refused(&test.wanted, test.asked[0], NOT_STORED_BUSY, test.now);
    pass(WANTED_BUSY_MS - 1);
    ck_assert_uint_eq(test.asked_count, 1);
    pass(1);
    ck_assert_uint_eq(test.asked_count, 2);
    ck_assert_uint_eq(test.asked[1], test.asked[0]);
    wanted_refused(&test.wanted, test.asked[0], NOT_STORED_BUSY, test.now);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered_now, 1);
}
END_TEST

/* A CNAME chain: each link shows only when the one before it is signed. */
START_TEST(more_can_be_missing_for_a_few_rounds)
{
    unsigned rounds = 0;

    want(&test.outcome, "www.example.", TYPE_A);
    want(&test.more, "next.example.", TYPE_A);
    ck_assert(park(ANSWER_TCP, 1));
    while (!test.answered && rounds++ < 20) {
        wanted_stored(&test.wanted, test.asked[test.asked_count - 1]);
        wanted_settle(&test.wanted, test.now);
    }
    ck_assert_uint_eq(rounds, WANTED_ROUNDS);
    ck_assert_uint_eq(test.asked_count, WANTED_ROUNDS);
    ck_assert_uint_eq(test.answered_now, 1);
    ck_assert(!wanted_is_busy(&test.wanted));
}
END_TEST

START_TEST(a_keeper_that_comes_back_is_asked_again)
{
    want(&test.outcome, "www.example.", TYPE_A);
    wanted_link(&test.wanted, false, test.now);
    ck_assert(park(ANSWER_TCP, 1));
    pass(100);
    ck_assert_uint_eq(test.asked_count, 0);
    wanted_link(&test.wanted, true, test.now);
    ck_assert_uint_eq(test.asked_count, 1);
    wanted_link(&test.wanted, false, test.now);
    pass(100);
    wanted_link(&test.wanted, true, test.now);
    ck_assert_uint_eq(test.asked_count, 2);
    wanted_stored(&test.wanted, test.asked[1]);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered, 1);
    ck_assert_uint_eq(test.answered_now, 0);
}
END_TEST

START_TEST(a_full_channel_and_a_silent_keeper_are_tried_again)
{
    want(&test.outcome, "www.example.", TYPE_A);
    test.refuse_to_ask = true;
    ck_assert(park(ANSWER_TCP, 1));
    pass(10);
    test.refuse_to_ask = false;
    pass(10);
    ck_assert_uint_eq(test.asked_count, 1);
    pass(WANTED_AGAIN_MS - 1);
    ck_assert_uint_eq(test.asked_count, 1);
    pass(1);
    ck_assert_uint_eq(test.asked_count, 2);
    pass(WANTED_TCP_MS);
}
END_TEST

START_TEST(there_is_room_for_so_many_questions)
{
    char owner[32];

    for (unsigned i = 0; i < WANTED_QUERIES; i++) {
        test.outcome.wanted_count = 0;
        (void)snprintf(owner, sizeof owner, "n%u.example.", i);
        want(&test.outcome, owner, TYPE_A);
        ck_assert(park(i < WANTED_UNPROVEN ? ANSWER_UDP : ANSWER_TCP, i));
        if (i == WANTED_UNPROVEN - 1)
            ck_assert(!park(ANSWER_UDP, i)); /* the rest is for the others */
    }
    ck_assert(!park(ANSWER_TCP, 1));
    ck_assert_uint_eq(test.wanted.references, WANTED_QUERIES);
    pass(WANTED_UDP_MS);
    ck_assert_uint_eq(test.answered_now, WANTED_UNPROVEN);
    ck_assert(park(ANSWER_UDP, 1));
    pass(WANTED_TCP_MS);
    ck_assert_uint_eq(test.answered_now, WANTED_QUERIES + 1);
}
END_TEST

/* ---- few signatures --------------------------------------------------------------------------*/

static const struct wanted_asker proven_asker = {.proven = true},
                                 late_asker = {.proven = true, .delayed = true},
                                 heavy_asker = {.proven = true, .heavy = true, .delayed = true};

/* What a question for one more name of a zone lacks. */
static void want_one(uint32_t version, unsigned number, bool apex)
{
    char owner[32];

    test.outcome.wanted_count = 0;
    (void)snprintf(owner, sizeof owner, "n%u.example.", number);
    want(&test.outcome, owner, TYPE_A);
    test.outcome.wanted[0].version = version;
    test.outcome.wanted[0].apex = apex;
}

static const struct {
    const char *what;
    bool proven;
    unsigned asked, others; /* of the zone, and of each of two others */
    unsigned count;         /* that are to come */
    enum wanted_room room;
} rooms[] = {
    {"the first", false, 0, 0, 1, WANTED_ROOM_FREE},
    {"a first question that lacks more than the share", false, 0, 0, 30, WANTED_ROOM_FREE},
    {"a quarter", false, 4, 0, 1, WANTED_ROOM_FREE},
    {"more than a quarter", false, 5, 0, 1, WANTED_ROOM_SCARCE},
    {"one question, more than a quarter", false, 4, 0, 2, WANTED_ROOM_SCARCE},
    {"the last", false, 19, 0, 1, WANTED_ROOM_SCARCE},
    {"one too many", false, 20, 0, 1, WANTED_ROOM_NONE},
    {"two where there is room for one", false, 19, 0, 2, WANTED_ROOM_NONE},
    {"other zones have their part", false, 6, 1, 1, WANTED_ROOM_NONE},
    {"the first, where others have all", false, 0, 10, 1, WANTED_ROOM_FREE},
    {"the proven have more", true, 20, 0, 1, WANTED_ROOM_SCARCE},
    {"but not without end", true, 40, 0, 1, WANTED_ROOM_NONE},
};

START_TEST(so_many_are_asked_for_at_a_time)
{
    wanted_allow(&test.wanted, 20, 40);
    for (unsigned zone = 0; zone < 3; zone++) {
        for (unsigned i = 0; i < (zone ? rooms[_i].others : rooms[_i].asked); i++) {
            want_one(7 + zone, i, false);
            ck_assert_uint_eq(wanted_fresh(&test.wanted, &test.outcome), 1);
            ck_assert(park(rooms[_i].proven ? ANSWER_TCP : ANSWER_UDP, i));
            ck_assert_uint_eq(wanted_fresh(&test.wanted, &test.outcome), 0);
        }
    }
    ck_assert_msg(wanted_room(&test.wanted, rooms[_i].proven, 7, rooms[_i].count) == rooms[_i].room,
                  "%s", rooms[_i].what);
    ck_assert_int_eq(wanted_room(&test.wanted, !rooms[_i].proven, 7, 1), WANTED_ROOM_FREE);
    /* What is answered, or given up, makes room. */
    for (unsigned i = 0; i < test.asked_count; i += 2)
        wanted_stored(&test.wanted, test.asked[i]);
    wanted_settle(&test.wanted, test.now);
    pass(WANTED_TCP_MS);
    ck_assert_int_eq(wanted_room(&test.wanted, rooms[_i].proven, 7, 1), WANTED_ROOM_FREE);
    ck_assert_uint_eq(test.wanted.shares[rooms[_i].proven].busy, 0);
}
END_TEST

START_TEST(what_is_an_apexs_is_always_asked_for)
{
    wanted_allow(&test.wanted, 1, 1);
    for (unsigned i = 0; i < 10; i++) {
        want_one(7, i, true);
        ck_assert_uint_eq(wanted_fresh(&test.wanted, &test.outcome), 0);
        ck_assert(park_for(late_asker, ANSWER_TCP, i));
    }
    ck_assert_uint_eq(test.asked_count, 10);
    ck_assert_int_eq(wanted_room(&test.wanted, true, 7, 1),
                     WANTED_ROOM_FREE); /* and does not count */
}
END_TEST

/* Who has shown its address waits until there is room. */
START_TEST(what_is_delayed_is_asked_for_when_there_is_room)
{
    wanted_allow(&test.wanted, 1, 1);
    want_one(7, 0, false);
    ck_assert(park(ANSWER_TCP, 1));
    want_one(7, 1, false);
    ck_assert(park_for(late_asker, ANSWER_TCP, 2));
    ck_assert_uint_eq(test.wanted.delayed, 1);
    pass(WANTED_AGAIN_MS - 1);
    ck_assert_uint_eq(test.asked_count, 1);
    wanted_stored(&test.wanted, test.asked[0]);
    pass(10);
    ck_assert_uint_eq(test.asked_count, 2);
    wanted_stored(&test.wanted, test.asked[1]);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered, 2);
    ck_assert_uint_eq(test.answered_now, 0);
}
END_TEST

/* Whoever has had its share has to wait until there is plenty. */
START_TEST(who_had_much_comes_last)
{
    wanted_allow(&test.wanted, 8, 8);
    for (unsigned i = 0; i < 4; i++) {
        want_one(7, i, false);
        ck_assert(park(ANSWER_TCP, i));
    }
    want_one(7, 10, false);
    ck_assert(park_for(heavy_asker, ANSWER_TCP, 10));
    want_one(7, 11, false);
    ck_assert(park_for(late_asker, ANSWER_TCP, 11));
    pass(10);
    ck_assert_uint_eq(test.asked_count, 5); /* the other one */
    for (unsigned i = 0; i < 4; i++)
        wanted_stored(&test.wanted, test.asked[i]);
    pass(10);
    ck_assert_uint_eq(test.asked_count, 6);
}
END_TEST

START_TEST(one_who_has_shown_its_address_speaks_for_all)
{
    want_one(7, 1, false);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert(!test.proven[0]);
    ck_assert(park(ANSWER_TCP, 2));
    ck_assert(park(ANSWER_TCP, 3));
    ck_assert_uint_eq(test.asked_count, 2); /* the keeper is told once */
    ck_assert(test.proven[1]);
    ck_assert_uint_eq(test.asked[1], test.asked[0]);
    ck_assert_uint_eq(test.wanted.shares[false].busy, 0);
    ck_assert_uint_eq(test.wanted.shares[true].busy, 1);
}
END_TEST

/* A keeper that twice says that it cannot be made in time. */
START_TEST(what_cannot_be_made_turns_the_unproven_away)
{
    want_one(7, 1, false);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert(park(ANSWER_UDP, 2));
    ck_assert(park(ANSWER_TCP, 3));
    wanted_refused(&test.wanted, test.asked[0], NOT_STORED_BUSY, test.now);
    pass(WANTED_BUSY_MS);
    wanted_refused(&test.wanted, test.asked[0], NOT_STORED_BUSY, test.now);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered_now, 3);
    ck_assert_uint_eq(test.turned, 2);
}
END_TEST

static const struct {
    uint32_t limit;
    unsigned turned;
} lates[] = {{8, 4}, {100, 0}}; /* much is asked for; little is, so that it is another trouble */

START_TEST(what_is_late_turns_the_unproven_away)
{
    wanted_allow(&test.wanted, lates[_i].limit, 8);
    for (unsigned i = 0; i < 4; i++) {
        want_one(7, i, false);
        ck_assert(park(ANSWER_UDP, i));
    }
    ck_assert(park(ANSWER_TCP, 9));
    pass(WANTED_UDP_MS);
    ck_assert_uint_eq(test.answered_now, 4);
    ck_assert_uint_eq(test.turned, lates[_i].turned);
    pass(WANTED_TCP_MS);
    ck_assert_uint_eq(test.answered_now, 5);
    ck_assert_uint_eq(test.turned, lates[_i].turned);
}
END_TEST

START_TEST(more_that_is_missing_turns_the_unproven_away)
{
    wanted_allow(&test.wanted, 1, 1);
    want_one(7, 1, false);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert(park(ANSWER_TCP, 2));
    want_one(7, 2, false);
    ck_assert(park_for(proven_asker, ANSWER_UDP, 3)); /* has all there is */
    want_one(7, 3, false);
    ck_assert(park(ANSWER_UDP, 4)); /* likewise */
    want(&test.more, "next.example.", TYPE_A);
    wanted_stored(&test.wanted, test.asked[0]);
    wanted_settle(&test.wanted, test.now);
    ck_assert_uint_eq(test.answered_now, 1);
    ck_assert_uint_eq(test.turned, 1);
    ck_assert_uint_eq(test.wanted.delayed, 1); /* of the one by TCP, which goes on waiting */
    ck_assert_uint_eq(test.wanted.queries, 3);
}
END_TEST

START_TEST(there_is_room_for_so_many_references)
{
    unsigned parked = 0;

    for (unsigned i = 0; i < WANTED_QUERIES; i++) {
        char owner[32];
        test.outcome.wanted_count = 0;
        for (unsigned j = 0; j < ANSWER_WANTED_LIMIT; j++) {
            (void)snprintf(owner, sizeof owner, "n%u.example.", i * ANSWER_WANTED_LIMIT + j);
            want(&test.outcome, owner, TYPE_A);
        }
        if (!park(ANSWER_UDP, i))
            break;
        parked++;
    }
    ck_assert_uint_eq(parked, WANTED_REFERENCES / ANSWER_WANTED_LIMIT);
    pass(WANTED_UDP_MS);
    ck_assert_uint_eq(test.answered_now, parked);
    ck_assert_uint_eq(test.wanted.references, 0);
}
END_TEST

START_TEST(closing_forgets_who_waits)
{
    want(&test.outcome, "www.example.", TYPE_A);
    ck_assert(park(ANSWER_UDP, 1));
    ck_assert(park(ANSWER_TCP, 1));
    wanted_stored(&test.wanted, test.asked[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/wanted");
    TCase *tests = tcase_create("wanted");

    tcase_add_checked_fixture(tests, open_table, close_table);
    tcase_add_test(tests, one_signature_is_asked_for_once);
    tcase_add_test(tests, different_things_are_asked_for_each);
    tcase_add_test(tests, a_deadline_is_kept_for_each_transport);
    tcase_add_loop_test(tests, a_refusal_ends_the_waiting, 0, COUNT(refusals));
    tcase_add_test(tests, a_busy_keeper_is_asked_once_more);
    tcase_add_test(tests, more_can_be_missing_for_a_few_rounds);
    tcase_add_test(tests, a_keeper_that_comes_back_is_asked_again);
    tcase_add_test(tests, a_full_channel_and_a_silent_keeper_are_tried_again);
    tcase_add_test(tests, there_is_room_for_so_many_questions);
    tcase_add_test(tests, there_is_room_for_so_many_references);
    tcase_add_loop_test(tests, so_many_are_asked_for_at_a_time, 0, COUNT(rooms));
    tcase_add_test(tests, what_is_an_apexs_is_always_asked_for);
    tcase_add_test(tests, what_is_delayed_is_asked_for_when_there_is_room);
    tcase_add_test(tests, who_had_much_comes_last);
    tcase_add_test(tests, one_who_has_shown_its_address_speaks_for_all);
    tcase_add_test(tests, what_cannot_be_made_turns_the_unproven_away);
    tcase_add_loop_test(tests, what_is_late_turns_the_unproven_away, 0, COUNT(lates));
    tcase_add_test(tests, more_that_is_missing_turns_the_unproven_away);
    tcase_add_test(tests, closing_forgets_who_waits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
