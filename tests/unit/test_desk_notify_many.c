/* test_desk_notify_many.c - many zones and peers at once, and configurations that change. */
#include "notify_lab.h"

enum { GIVEN_UP = 94000, MANY = 1000, TEXT_OCTETS = 400000, ROW_OCTETS = 256 };

#define PEER_ONE "{address: 192.0.2.1, key: one.}"
#define PEER_TWO "{address: \"2001:db8::2@5353\", key: two.}"

static char text[TEXT_OCTETS];

/* So many zones, each with these secondaries. */
static const char *many_zones(unsigned count, const char *peers)
{
    size_t length = (size_t)snprintf(text, sizeof text, "%s", LAB_HEAD);

    for (unsigned i = 0; i < count; i++) {
        ck_assert_uint_lt(length, sizeof text - ROW_OCTETS);
        length += (size_t)snprintf(text + length, ROW_OCTETS,
                                   "  - {name: z%u.example., file: x, policy: none, "
                                   "notify: [%s]}\n",
                                   i, peers);
    }
    return text;
}

static void change_all(unsigned count, uint32_t serial)
{
    char name[32];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "z%u.example.", i);
        lab_changed(name, serial);
    }
}

static bool goes_to(size_t index, unsigned family)
{
    return lab.sent[index].to.family == family;
}

/* ---- pace ------------------------------------------------------------------------------------*/

START_TEST(many_zones_are_told_at_a_pace)
{
    lab_open(many_zones(MANY, PEER_ONE));
    change_all(MANY, 1);
    ck_assert_uint_eq(lab.sent_count, NOTIFY_BURST);
    size_t answered = 0;
    for (uint64_t ms = 0; lab.sent_count < MANY; ms += 5) {
        lab_until(ms);
        ck_assert_uint_le(lab.sent_count, NOTIFY_BURST + ms * NOTIFY_PER_SECOND / 1000);
        for (; answered < lab.sent_count; answered++)
            lab_answer(answered);
    }
    ck_assert_uint_eq(lab.sent[MANY - 1].at, (MANY - NOTIFY_BURST) * 1000 / NOTIFY_PER_SECOND);
    for (unsigned i = 0; i < MANY; i++) { /* first come, first served */
        char name[32];
        (void)snprintf(name, sizeof name, "z%u.example.", i);
        struct name zone = name_of(name);
        struct question question = lab_question(&lab.sent[i]);
        ck_assert(name_equal(&question.name, &zone));
    }
    for (; answered < MANY; answered++)
        lab_answer(answered);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, MANY);
    ck_assert_uint_eq(lab.letter_count, MANY);
    lab_close();
}
END_TEST

START_TEST(a_silent_peer_has_a_window)
{
    lab_open(many_zones(MANY, PEER_ONE));
    change_all(MANY, 1);
    lab_until(1999); /* before anything is sent again */
    ck_assert_uint_eq(lab.sent_count, NOTIFY_WINDOW);
    for (size_t i = 0; i < 10; i++)
        lab_answer(i);
    lab_until(1999 + 200);
    unsigned fresh = 0;
    for (size_t i = NOTIFY_WINDOW; i < lab.sent_count; i++) {
        struct question question = lab_question(&lab.sent[i]);
        struct name limit = name_of("z256.example.");
        fresh += question.name.octets[0] == limit.octets[0] &&
                 memcmp(question.name.octets + 1, "z25", 3) == 0 && question.name.octets[4] >= '6';
        fresh += memcmp(question.name.octets + 1, "z26", 3) == 0 && question.name.octets[0] == 4;
    }
    ck_assert_uint_eq(fresh, 10); /* for each that was answered one more */
    lab_close();
}
END_TEST

START_TEST(a_silent_peer_holds_nobody_back)
{
    size_t answered = 0, told = 0;

    lab_open(many_zones(MANY, PEER_ONE ", " PEER_TWO));
    change_all(MANY, 1);
    for (uint64_t ms = 0; ms <= 15000; ms += 5) {
        lab_until(ms);
        for (; answered < lab.sent_count; answered++) {
            if (!goes_to(answered, 6))
                continue;
            lab_answer(answered);
            told++;
        }
    }
    ck_assert_uint_eq(told, MANY);
    unsigned six = 0; /* turn by turn, also while there is room in both windows */
    for (size_t i = 0; i < NOTIFY_WINDOW; i++)
        six += goes_to(i, 6);
    ck_assert_uint_eq(six, NOTIFY_WINDOW / 2);
    lab_close();
}
END_TEST

/* ---- another configuration -------------------------------------------------------------------*/

static const char both[] = LAB_HEAD LAB_ZONE("a.example.", PEER_ONE ", " PEER_TWO);
static const char only_two[] = LAB_HEAD LAB_ZONE("a.example.", PEER_TWO);
static const char with_more[] = LAB_HEAD LAB_ZONE("0.example.", PEER_ONE)
    LAB_ZONE("a.example.", "{address: 192.0.2.9}, " PEER_ONE ", " PEER_TWO);
static const char other_key[] = LAB_HEAD LAB_ZONE("a.example.", "{address: 192.0.2.1, key: two.}");
static const char nothing[] = LAB_HEAD LAB_ZONE("b.example.", "");

START_TEST(a_peer_that_is_gone_is_told_no_more)
{
    lab_open(both);
    lab_changed("a.example.", 1);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_until(500);
    lab_configure(only_two);
    lab_answer(0);
    ck_assert_uint_eq(lab.letter_count, 0);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 2 + NOTIFY_TRIES - 1);
    for (size_t i = 2; i < lab.sent_count; i++)
        ck_assert(goes_to(i, 6));
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

START_TEST(what_is_under_way_goes_on)
{
    lab_open(both);
    lab_changed("a.example.", 1);
    lab_until(2500); /* two tries, the next is due at 6 s */
    ck_assert_uint_eq(lab.sent_count, 4);
    lab_configure(with_more);
    ck_assert_uint_eq(lab.sent_count, 5); /* the new peer at once */
    ck_assert_uint_eq(lab.sent[4].to.octets[3], 9);
    for (size_t i = 2; i < 5; i++)
        lab_answer(i);
    ck_assert_uint_eq(lab.letter_count, 3);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 5);
    lab_close();
}
END_TEST

START_TEST(retries_keep_their_times)
{
    lab_open(only_two);
    lab_changed("a.example.", 1);
    for (uint64_t ms = 700; ms < GIVEN_UP; ms += 700) {
        lab_until(ms);
        lab_configure(ms / 700 % 2 ? both : only_two);
    }
    size_t tries = 0;
    static const uint64_t schedule[] = {0, 2000, 6000, 14000, 30000, 62000};
    for (size_t i = 0; i < lab.sent_count; i++) {
        if (goes_to(i, 6))
            ck_assert_uint_eq(lab.sent[i].at, schedule[tries++]);
    }
    ck_assert_uint_eq(tries, NOTIFY_TRIES);
    lab_close();
}
END_TEST

START_TEST(changes_that_rest_are_kept)
{
    lab_open(only_two);
    lab_changed("a.example.", 1);
    lab_answer(0);
    lab_until(300);
    lab_changed("a.example.", 2);
    lab_configure(only_two);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_until(999);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_until(1000);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_answer(1);
    ck_assert_uint_eq(lab.letters[1].serial, 2);
    lab_close();
}
END_TEST

START_TEST(another_key_is_used_at_once)
{
    lab_open(LAB_HEAD LAB_ZONE("a.example.", PEER_ONE));
    lab_changed("a.example.", 1);
    lab_until(100);
    lab_configure(other_key);
    ck_assert_uint_eq(lab.sent_count, 2);
    struct tsig_session session;
    size_t plain;
    ck_assert_int_eq(tsig_check(&lab.setting->keyring, lab.sent[1].octets, lab.sent[1].length,
                                lab.notify.now, &session, &plain),
                     TSIG_GOOD);
    struct name two = name_of("two.");
    ck_assert(name_equal(&session.key->name, &two));
    if (lab_id(0) != lab_id(1))
        lab_answer(0);
    ck_assert_uint_eq(lab.letter_count, 0);
    lab_answer(1);
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

START_TEST(another_secret_is_used_next)
{
    lab_open(only_two);
    lab_changed("a.example.", 1);
    lab_until(100);
    lab_configure_salted(only_two, 5);
    lab_until(2000);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_answer(1);
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

START_TEST(a_zone_that_was_heard_of_early_is_told)
{
    lab_open(nothing);
    for (uint32_t serial = 1; serial <= 2 * NOTIFY_EARLY; serial++)
        lab_changed("a.example.", serial);
    ck_assert_uint_eq(lab.sent_count, 0);
    lab_configure(only_two);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_answer(0);
    ck_assert_uint_eq(lab.letters[0].serial, 2 * NOTIFY_EARLY);
    lab_configure(nothing);
    lab_configure(only_two); /* heard of once, forgotten with the zone */
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_close();
}
END_TEST

START_TEST(many_zones_survive_a_configuration)
{
    lab_open(many_zones(MANY, PEER_ONE));
    change_all(MANY, 1);
    lab_until(1000);
    size_t before = lab.sent_count;
    lab_configure(many_zones(MANY, PEER_ONE ", " PEER_TWO));
    for (uint64_t ms = 1000; ms < 60000; ms += 5) {
        lab_until(ms);
        for (; before < lab.sent_count; before++)
            lab_answer(before);
    }
    unsigned told = 0;
    for (size_t i = 0; i < lab.letter_count; i++)
        told += lab.letters[i].event == SECONDARY_NOTIFIED;
    ck_assert_uint_eq(told, 2 * MANY);
    ck_assert_uint_eq(lab.next, UINT64_MAX);
    lab_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/notify many");
    TCase *pace = tcase_create("pace");
    TCase *reload = tcase_create("another configuration");

    tcase_add_test(pace, many_zones_are_told_at_a_pace);
    tcase_add_test(pace, a_silent_peer_has_a_window);
    tcase_add_test(pace, a_silent_peer_holds_nobody_back);
    tcase_add_test(reload, a_peer_that_is_gone_is_told_no_more);
    tcase_add_test(reload, what_is_under_way_goes_on);
    tcase_add_test(reload, retries_keep_their_times);
    tcase_add_test(reload, changes_that_rest_are_kept);
    tcase_add_test(reload, another_key_is_used_at_once);
    tcase_add_test(reload, another_secret_is_used_next);
    tcase_add_test(reload, a_zone_that_was_heard_of_early_is_told);
    tcase_add_test(reload, many_zones_survive_a_configuration);
    tcase_set_timeout(pace, 60);
    tcase_set_timeout(reload, 60);
    suite_add_tcase(suite, pace);
    suite_add_tcase(suite, reload);
    return run_suite(suite);
}
