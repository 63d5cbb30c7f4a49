/* test_desk_notify_answers.c - what counts as an answer to a NOTIFY, and what others send. */
#include "notify_lab.h"

#define ZONE  "a.example."
#define ONE   LAB_HEAD LAB_ZONE(ZONE, "{address: 192.0.2.1, key: one.}")
#define PLAIN LAB_HEAD LAB_ZONE(ZONE, "{address: 192.0.2.1}")

enum { GIVEN_UP = 94000, ANSWER_FLAGS = FLAG_QR | OPCODE_NOTIFY << 11 | FLAG_AA };

enum { QUESTION_AT = 12, TYPE_AT = QUESTION_AT + 11, CLASS_AT = TYPE_AT + 2 };

/* ---- forged ----------------------------------------------------------------------------------*/

/* An octet of the true answer made another one; or the sender's address. */
static const struct {
    const char *what;
    size_t at;
    uint8_t flip;
    uint8_t flip_address, flip_port;
} forged[] = {
    {"another id", 1, 1, 0, 0},
    {"a request", 2, 0x80, 0, 0},
    {"another opcode", 2, 0x08, 0, 0},
    {"two questions", 5, 3, 0, 0},
    {"no question", 5, 1, 0, 0},
    {"another zone", QUESTION_AT + 1, 1, 0, 0},
    {"a part of the zone's name", QUESTION_AT, 3, 0, 0},
    {"another type", TYPE_AT + 1, 1, 0, 0},
    {"another class", CLASS_AT + 1, 2, 0, 0},
    {"another address", 0, 0, 1, 0},
    {"another port", 0, 0, 0, 1},
};

static void assert_ignored(const char *what)
{
    ck_assert_msg(lab.letter_count == 0, "%s: taken for an answer", what);
    ck_assert_uint_eq(lab.sent_count, 1);
}

START_TEST(what_is_forged_is_ignored)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];

    for (unsigned with_key = 0; with_key < 2; with_key++) {
        lab_open(with_key ? ONE : PLAIN);
        lab_changed(ZONE, 7);
        size_t length = lab_answer_make(&lab.sent[0], (struct lab_reply){0}, octets);
        octets[forged[_i].at] ^= forged[_i].flip;
        struct config_address from = lab.sent[0].to;
        from.octets[3] ^= forged[_i].flip_address;
        from.port ^= forged[_i].flip_port;
        lab_receive(&from, octets, length);
        assert_ignored(forged[_i].what);
        lab_answer(0);
        ck_assert_msg(lab.letter_count == 1, "%s: the true answer afterwards", forged[_i].what);
        lab_close();
    }
}
END_TEST

START_TEST(what_is_cut_is_ignored)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];

    lab_open(ONE);
    lab_changed(ZONE, 7);
    size_t length = lab_answer_make(&lab.sent[0], (struct lab_reply){0}, octets);
    for (size_t cut = 0; cut < length; cut++) {
        lab_receive(&lab.sent[0].to, octets, cut);
        assert_ignored("a part");
    }
    lab_receive(&lab.sent[0].to, octets, length);
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

START_TEST(any_octet_that_is_changed_is_noticed)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];

    lab_open(ONE);
    lab_changed(ZONE, 7);
    size_t length = lab_answer_make(&lab.sent[0], (struct lab_reply){0}, octets);
    for (size_t at = 0; at < length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            /* The case of a letter in the question of ours: the MAC is over what came. */
            octets[at] ^= (uint8_t)(1U << bit);
            lab_receive(&lab.sent[0].to, octets, length);
            octets[at] ^= (uint8_t)(1U << bit);
            bool is_key_case = lab.letter_count != 0 && bit == 5;
            ck_assert_msg(lab.letter_count == 0 || is_key_case, "octet %zu bit %u", at, bit);
            if (is_key_case) { /* of the key's or algorithm's name: it is digested in lower case */
                ck_assert_uint_gt(at, CLASS_AT + 1);
                lab_until(lab_ms() + NOTIFY_REST_MS);
                lab.letter_count = 0;
                lab_changed(ZONE, 7);
                lab.sent[0] = lab.sent[--lab.sent_count];
                length = lab_answer_make(&lab.sent[0], (struct lab_reply){0}, octets);
            }
        }
    }
    lab_close();
}
END_TEST

/* ---- TSIG ------------------------------------------------------------------------------------*/

/* Nobody is believed who is not signed; what was said is told when all has failed. */
static void assert_distrusted(struct lab_reply reply, const char *reason)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];
    size_t length = lab_answer_make(&lab.sent[0], reply, octets);

    lab_receive(&lab.sent[0].to, octets, length);
    assert_ignored(reason);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.sent_count, NOTIFY_TRIES);
    ck_assert_uint_eq(lab.letter_count, 1);
    ck_assert_int_eq(lab.letters[0].event, SECONDARY_SILENT);
    ck_assert_str_eq(lab.letters[0].text, reason);
}

START_TEST(an_answer_without_tsig_is_none)
{
    lab_open(ONE);
    lab_changed(ZONE, 7);
    assert_distrusted((struct lab_reply){.unsigned_ = true}, "its answer is not signed");
    lab_close();
}
END_TEST

START_TEST(another_secret_is_none)
{
    lab_open(ONE);
    lab_changed(ZONE, 7);
    struct lab_setting *other = lab_setting(ONE, 9);
    uint8_t octets[NOTIFY_MAX_OCTETS];
    size_t length = lab_answer_make(&lab.sent[0], (struct lab_reply){.unsigned_ = true}, octets);
    struct tsig_session session;
    struct writer writer = writer_over(octets, sizeof octets);
    writer.length = length;
    ck_assert_int_eq(
        tsig_request(&other->keyring, &other->keyring.keys[0], &session, &writer, LAB_NOW),
        RESULT_OK);
    lab_receive(&lab.sent[0].to, octets, writer.length);
    assert_ignored("another secret");
    lab_until(GIVEN_UP);
    ck_assert_str_eq(lab.letters[0].text, "its answer is signed with another secret");
    lab_setting_free(other);
    lab_close();
}
END_TEST

START_TEST(another_key_is_none)
{
    lab_open(ONE);
    lab_changed(ZONE, 7);
    uint8_t octets[NOTIFY_MAX_OCTETS];
    size_t length = lab_answer_make(&lab.sent[0], (struct lab_reply){.unsigned_ = true}, octets);
    struct name two = name_of("two.");
    struct tsig_session session;
    struct writer writer = writer_over(octets, sizeof octets);
    writer.length = length;
    const struct tsig_key *key = tsig_keyring_find(&lab.setting->keyring, &two);
    ck_assert_int_eq(tsig_request(&lab.setting->keyring, key, &session, &writer, LAB_NOW),
                     RESULT_OK);
    lab_receive(&lab.sent[0].to, octets, writer.length);
    assert_ignored("another key");
    lab_until(GIVEN_UP);
    ck_assert_str_eq(lab.letters[0].text, "its answer is signed with another TSIG key");
    lab_close();
}
END_TEST

START_TEST(a_peer_that_does_not_know_the_key_is_asked_again)
{
    lab_open(ONE);
    lab_changed(ZONE, 7);
    struct lab_setting *other = lab_setting(ONE, 9);
    assert_distrusted(
        (struct lab_reply){.flags = ANSWER_FLAGS | RCODE_NOTAUTH, .keyring = &other->keyring},
        "it finds the signature wrong: its secret is another one (BADSIG)");
    lab_setting_free(other);
    lab_close();
}
END_TEST

/* ---- RCODEs ----------------------------------------------------------------------------------*/

static const struct {
    uint16_t rcode;
    const char *text;
} rcodes[] = {
    {RCODE_NOERROR, ""},          {RCODE_FORMERR, "FORMERR"}, {RCODE_SERVFAIL, "SERVFAIL"},
    {RCODE_NOTIMP, "NOTIMP"},     {RCODE_REFUSED, "REFUSED"}, {RCODE_NOTAUTH, "NOTAUTH"},
    {RCODE_NXDOMAIN, "NXDOMAIN"},
};

START_TEST(any_rcode_is_an_answer)
{
    for (unsigned with_key = 0; with_key < 2; with_key++) {
        lab_open(with_key ? ONE : PLAIN);
        lab_changed(ZONE, 7);
        lab_answer_flags(0, (uint16_t)(ANSWER_FLAGS | rcodes[_i].rcode));
        ck_assert_msg(lab.letter_count == 1, "%s", rcodes[_i].text);
        ck_assert_int_eq(lab.letters[0].event, SECONDARY_NOTIFIED);
        ck_assert_str_eq(lab.letters[0].text, rcodes[_i].text);
        lab_until(GIVEN_UP);
        ck_assert_uint_eq(lab.sent_count, 1);
        lab_close();
    }
}
END_TEST

/* A header alone is what some make of an opcode that they do not know. */
START_TEST(an_old_server_may_leave_the_question_out)
{
    lab_open(PLAIN);
    lab_changed(ZONE, 7);
    uint8_t octets[12] = {lab.sent[0].octets[0], lab.sent[0].octets[1], 0xa0, RCODE_NOTIMP};
    lab_receive(&lab.sent[0].to, octets, sizeof octets);
    ck_assert_uint_eq(lab.letter_count, 1);
    ck_assert_str_eq(lab.letters[0].text, "NOTIMP");
    lab_close();
}
END_TEST

START_TEST(an_answer_after_the_end_is_ignored)
{
    lab_open(PLAIN);
    lab_changed(ZONE, 7);
    lab_until(GIVEN_UP);
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_answer(NOTIFY_TRIES - 1);
    ck_assert_uint_eq(lab.letter_count, 1);
    lab_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/notify answers");
    TCase *forgery = tcase_create("forgery");
    TCase *tsig = tcase_create("TSIG");
    TCase *codes = tcase_create("RCODEs");

    tcase_add_loop_test(forgery, what_is_forged_is_ignored, 0, COUNT(forged));
    tcase_add_test(forgery, what_is_cut_is_ignored);
    tcase_add_test(forgery, any_octet_that_is_changed_is_noticed);
    tcase_add_test(tsig, an_answer_without_tsig_is_none);
    tcase_add_test(tsig, another_secret_is_none);
    tcase_add_test(tsig, another_key_is_none);
    tcase_add_test(tsig, a_peer_that_does_not_know_the_key_is_asked_again);
    tcase_add_loop_test(codes, any_rcode_is_an_answer, 0, COUNT(rcodes));
    tcase_add_test(codes, an_old_server_may_leave_the_question_out);
    tcase_add_test(codes, an_answer_after_the_end_is_ignored);
    suite_add_tcase(suite, forgery);
    suite_add_tcase(suite, tsig);
    suite_add_tcase(suite, codes);
    return run_suite(suite);
}
