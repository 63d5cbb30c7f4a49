/* test_desk_notify.c - when secondaries are told, when again, and when no more. */
#include "notify_lab.h"

#define ONE   LAB_HEAD LAB_ZONE("a.example.", "{address: 192.0.2.1, key: one.}")
#define PLAIN LAB_HEAD LAB_ZONE("a.example.", "{address: 192.0.2.1}")

static const uint64_t schedule[] = {0, 2000, 6000, 14000, 30000, 62000};
enum { GIVEN_UP = 94000 };

static void assert_letter(size_t index, enum secondary_event event, uint32_t serial,
                          const char *text)
{
    ck_assert_uint_lt(index, lab.letter_count);
    const struct lab_letter *letter = &lab.letters[index];

    ck_assert_int_eq(letter->event, event);
    ck_assert_uint_eq(letter->serial, serial);
    ck_assert_str_eq(letter->text, text);
}

/* ---- one message -----------------------------------------------------------------------------*/

START_TEST(the_message_is_as_the_rfc_says)
{
    lab_open(ONE);
    lab_changed("A.example.", 7);

    ck_assert_uint_eq(lab.sent_count, 1);
    const struct lab_datagram *sent = &lab.sent[0];
    struct tsig_session session;
    size_t plain;
    ck_assert_int_eq(
        tsig_check(&lab.setting->keyring, sent->octets, sent->length, LAB_NOW, &session, &plain),
        TSIG_GOOD);
    ck_assert_uint_eq(plain, 12 + 11 + 4);
    static const uint8_t flags_and_counts[] = {0x24, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    ck_assert_mem_eq(sent->octets + 2, flags_and_counts, sizeof flags_and_counts);
    struct question question = lab_question(sent);
    struct name zone = name_of("a.example.");
    ck_assert(name_equal(&question.name, &zone));
    ck_assert_uint_eq(question.type, TYPE_SOA);
    ck_assert_uint_eq(question.class_, CLASS_IN);
    char text[CONFIG_ADDRESS_TEXT];
    ck_assert_str_eq(config_address_to_text(&sent->to, text), "192.0.2.1@53");
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_SENT), 1);
    lab_close();
}
END_TEST

START_TEST(without_a_key_it_is_not_signed)
{
    lab_open(PLAIN);
    lab_changed("a.example.", 7);
    ck_assert_uint_eq(lab.sent[0].length, 12 + 11 + 4);
    lab_answer(0);
    assert_letter(0, SECONDARY_NOTIFIED, 7, "");
    lab_close();
}
END_TEST

START_TEST(an_answer_ends_it)
{
    lab_open(ONE);
    lab_changed("a.example.", 7);
    lab_until(300);
    lab_answer(0);
    ck_assert_uint_eq(lab.next, UINT64_MAX);
    lab_until(GIVEN_UP + 1000);
    ck_assert_uint_eq(lab.sent_count, 1);
    ck_assert_uint_eq(lab.letter_count, 1);
    assert_letter(0, SECONDARY_NOTIFIED, 7, "");
    ck_assert_str_eq(lab.letters[0].address, "192.0.2.1@53");
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_ANSWERED), 1);
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_FAILED), 0);
    lab_answer(0); /* once more: it was answered already */
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

START_TEST(silence_is_met_with_patience)
{
    lab_open(ONE);
    lab_changed("a.example.", 7);
    lab_until(GIVEN_UP - 1);
    ck_assert_uint_eq(lab.sent_count, COUNT(schedule));
    bool other_id = false;
    for (size_t i = 0; i < COUNT(schedule); i++) {
        ck_assert_uint_eq(lab.sent[i].at, schedule[i]);
        other_id |= lab_id(i) != lab_id(0);
        struct tsig_session session;
        size_t plain;
        ck_assert_int_eq(tsig_check(&lab.setting->keyring, lab.sent[i].octets, lab.sent[i].length,
                                    LAB_NOW + schedule[i] / 1000, &session, &plain),
                         TSIG_GOOD);
        ck_assert_uint_eq(session.time_signed, LAB_NOW + schedule[i] / 1000);
    }
    ck_assert(other_id);
    ck_assert_uint_eq(lab.letter_count, 0);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.letter_count, 1);
    assert_letter(0, SECONDARY_SILENT, 7, "no answer");
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_FAILED), 1);
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_SENT), COUNT(schedule));
    lab_until(1000000);
    ck_assert_uint_eq(lab.sent_count, COUNT(schedule));
    lab_close();
}
END_TEST

START_TEST(a_late_answer_counts_for_the_last_message_alone)
{
    lab_open(ONE);
    lab_changed("a.example.", 7);
    lab_until(2000);
    ck_assert_uint_eq(lab.sent_count, 2);
    if (lab_id(0) != lab_id(1))
        lab_answer(0);
    ck_assert_uint_eq(lab.letter_count, 0);
    lab_until(5999);
    lab_answer(1);
    assert_letter(0, SECONDARY_NOTIFIED, 7, "");
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_close();
}
END_TEST

/* ---- many changes ----------------------------------------------------------------------------*/

START_TEST(changes_are_told_together)
{
    uint32_t serial = 0;

    lab_open(ONE);
    for (uint64_t ms = 0; ms <= 5000; ms += 2) {
        lab_until(ms);
        size_t before = lab.sent_count;
        lab_changed("a.example.", ++serial);
        if (lab.sent_count > before || ms % 10 == 0)
            lab_answer(lab.sent_count - 1); /* now at once, now again: it is taken once */
    }
    lab_until(6500);
    lab_answer(lab.sent_count - 1);
    lab_until(60000);
    ck_assert_uint_eq(lab.sent_count, 7); /* 0, 1, ... 5 s, and once after the last change */
    ck_assert_uint_eq(lab.sent[0].at, 0);
    for (size_t i = 1; i < lab.sent_count; i++)
        ck_assert_uint_ge(lab.sent[i].at, lab.sent[i - 1].at + NOTIFY_REST_MS);
    assert_letter(lab.letter_count - 1, SECONDARY_NOTIFIED, serial, "");
    lab_close();
}
END_TEST

START_TEST(after_quiet_it_is_told_at_once)
{
    lab_open(ONE);
    lab_changed("a.example.", 1);
    lab_answer(0);
    lab_until(999);
    lab_changed("a.example.", 2);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_until(1000);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_answer(1);
    lab_until(2000);
    lab_changed("a.example.", 2); /* also what it has been told already */
    ck_assert_uint_eq(lab.sent_count, 3);
    lab_close();
}
END_TEST

START_TEST(a_change_under_way_is_told_after_the_answer)
{
    lab_open(ONE);
    lab_changed("a.example.", 1);
    lab_until(100);
    lab_changed("a.example.", 2);
    lab_until(1500);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_answer(0);
    assert_letter(0, SECONDARY_NOTIFIED, 1, "");
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_answer(1);
    assert_letter(1, SECONDARY_NOTIFIED, 2, "");
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_close();
}
END_TEST

START_TEST(a_retry_stands_for_the_newest_serial)
{
    lab_open(ONE);
    lab_changed("a.example.", 1);
    lab_until(100);
    lab_changed("a.example.", 2);
    lab_until(2000);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_answer(1);
    assert_letter(0, SECONDARY_NOTIFIED, 2, "");
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 2);
    lab_close();
}
END_TEST

START_TEST(changes_do_not_hurry_a_silent_peer)
{
    lab_open(ONE);
    for (uint64_t ms = 0; ms < GIVEN_UP; ms += 50) {
        lab_until(ms);
        lab_changed("a.example.", (uint32_t)ms);
    }
    ck_assert_uint_eq(lab.sent_count, COUNT(schedule));
    for (size_t i = 0; i < COUNT(schedule); i++)
        ck_assert_uint_eq(lab.sent[i].at, schedule[i]);
    lab_until(GIVEN_UP);
    assert_letter(0, SECONDARY_SILENT, 62000 - 50, "no answer");
    ck_assert_uint_eq(lab.sent_count, COUNT(schedule) + 1); /* it has changed since */
    lab_answer(lab.sent_count - 1);
    assert_letter(1, SECONDARY_NOTIFIED, GIVEN_UP - 50, "");
    lab_until(GIVEN_UP * 3);
    ck_assert_uint_eq(lab.sent_count, COUNT(schedule) + 1);
    lab_close();
}
END_TEST

/* ---- what cannot be sent ---------------------------------------------------------------------*/

START_TEST(a_full_socket_is_tried_again)
{
    lab_open(ONE);
    lab.delivery = NOTIFY_LATER;
    lab_changed("a.example.", 1);
    lab_until(500);
    ck_assert_uint_eq(lab.sent_count, 0);
    lab.delivery = NOTIFY_SENT;
    lab_until(600);
    ck_assert_uint_eq(lab.sent_count, 1);
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_SENT), 1);
    lab_close();
}
END_TEST

START_TEST(what_cannot_be_sent_is_a_try)
{
    lab_open(ONE);
    lab.delivery = NOTIFY_UNSENT;
    lab_changed("a.example.", 1);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 0);
    assert_letter(0, SECONDARY_SILENT, 1, "no way");
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_SENT), 0);
    ck_assert_uint_eq(lab_metric(METRIC_NOTIFIES_FAILED), 1);
    lab.delivery = NOTIFY_SENT;
    lab_changed("a.example.", 2);
    ck_assert_uint_eq(lab.sent_count, 1);
    lab_close();
}
END_TEST

START_TEST(zones_of_nobody_are_no_trouble)
{
    lab_open(NULL);
    ck_assert_uint_eq(notify_tick(&lab.notify), UINT64_MAX);
    lab_changed("a.example.", 1);
    struct config_address from = {.family = 4};
    lab_receive(&from, (const uint8_t *)"xx", 2);
    lab_configure(LAB_HEAD LAB_ZONE("b.example.", ""));
    lab_changed("a.example.", 1);
    lab_changed("b.example.", 1);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, 0);
    lab_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/notify");
    TCase *one = tcase_create("one message");
    TCase *many = tcase_create("many changes");
    TCase *trouble = tcase_create("trouble");

    tcase_add_test(one, the_message_is_as_the_rfc_says);
    tcase_add_test(one, without_a_key_it_is_not_signed);
    tcase_add_test(one, an_answer_ends_it);
    tcase_add_test(one, silence_is_met_with_patience);
    tcase_add_test(one, a_late_answer_counts_for_the_last_message_alone);
    tcase_add_test(many, changes_are_told_together);
    tcase_add_test(many, after_quiet_it_is_told_at_once);
    tcase_add_test(many, a_change_under_way_is_told_after_the_answer);
    tcase_add_test(many, a_retry_stands_for_the_newest_serial);
    tcase_add_test(many, changes_do_not_hurry_a_silent_peer);
    tcase_add_test(trouble, a_full_socket_is_tried_again);
    tcase_add_test(trouble, what_cannot_be_sent_is_a_try);
    tcase_add_test(trouble, zones_of_nobody_are_no_trouble);
    suite_add_tcase(suite, one);
    suite_add_tcase(suite, many);
    suite_add_tcase(suite, trouble);
    return run_suite(suite);
}
