/* test_tsig_vectors.c - messages that dnspython signed are accepted, and ours are the same. */
#include "tsig_lab.h"

static struct tsig_keyring keyring;

static void set_up(void)
{
    lab_keyring_open(&keyring);
}

static void tear_down(void)
{
    tsig_keyring_close(&keyring);
}

static struct tsig_session session_of(const struct vector_message *request, uint64_t now,
                                      enum tsig_outcome outcome)
{
    struct lab_message message = lab_copy(request);
    struct tsig_session session;
    size_t plain;

    ck_assert_int_eq(lab_check(&keyring, &message, now, &session, &plain), outcome);
    return session;
}

/* The message without its TSIG, as it was before it was signed. */
static struct writer unsigned_copy(const struct vector_message *from, size_t tsig_octets,
                                   uint8_t *octets)
{
    struct writer writer = writer_over(octets, from->length);

    writer_add(&writer, from->octets, from->length - tsig_octets);
    octets[11]--;
    return writer;
}

START_TEST(accepts_requests)
{
    struct lab_message message = lab_copy(&vector_requests[_i].request);
    struct tsig_session session;
    size_t plain;

    ck_assert_msg(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain) == TSIG_GOOD, "%s",
                  vector_requests[_i].what);
    ck_assert_ptr_eq(session.key, lab_key(&keyring, vector_requests[_i].algorithm));
    ck_assert_uint_eq(session.error, 0);
    ck_assert(!session.replies_unsigned);
    ck_assert_uint_eq(session.time_signed, VECTORS_NOW);
    ck_assert_uint_eq(session.fudge, 300);
    ck_assert_uint_eq(session.original_id, lab_get(&message, 0));
    ck_assert_uint_eq(session.mac_length, tsig_mac_octets(vector_requests[_i].algorithm));
    ck_assert_uint_eq(plain, lab_fields(&message, vector_requests[_i].algorithm).owner);
    ck_assert_uint_eq(tsig_size(&session), message.length - plain);
}
END_TEST

/* Octet for octet what a client sends. */
START_TEST(signs_requests_likewise)
{
    const struct vector_message *request = &vector_requests[_i].request;
    const struct tsig_key *key = lab_key(&keyring, vector_requests[_i].algorithm);
    struct tsig_session session = session_of(request, VECTORS_NOW, TSIG_GOOD), ours;
    uint8_t *octets = exact_copy(request->octets, request->length);
    struct writer writer = unsigned_copy(request, tsig_size(&session), octets);

    ck_assert_int_eq(tsig_request(&keyring, key, &ours, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_uint_eq(writer.length, request->length);
    ck_assert_mem_eq(octets, request->octets, request->length);
    ck_assert_uint_eq(ours.mac_length, session.mac_length);
    ck_assert_mem_eq(ours.mac, session.mac, session.mac_length);
    free(octets);
}
END_TEST

START_TEST(signs_answers_likewise)
{
    const struct vector_message *answer = &vector_answers[_i].answer;
    struct tsig_session session = session_of(&vector_answers[_i].request, VECTORS_NOW, TSIG_GOOD);
    uint8_t *octets = exact_copy(answer->octets, answer->length);
    struct writer writer = unsigned_copy(answer, tsig_size(&session), octets);

    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_msg(writer.length == answer->length &&
                      memcmp(octets, answer->octets, answer->length) == 0,
                  "%s", vector_answers[_i].what);
    ck_assert_uint_eq(session.sent, 1);
    free(octets);
}
END_TEST

START_TEST(accepts_answers)
{
    const struct vector_message *answer = &vector_answers[_i].answer;
    struct tsig_session session = session_of(&vector_answers[_i].request, VECTORS_NOW, TSIG_GOOD);
    struct tsig_session before = session;

    ck_assert_msg(tsig_check_answer(&keyring, answer->octets, answer->length, VECTORS_NOW,
                                    &session) == TSIG_GOOD,
                  "%s", vector_answers[_i].what);
    ck_assert_uint_eq(session.error, 0);
    ck_assert_mem_eq(&session.mac, &before.mac, sizeof before.mac);
    session.mac[0] ^= 1; /* the answer to another request */
    ck_assert_int_eq(
        tsig_check_answer(&keyring, answer->octets, answer->length, VECTORS_NOW, &session),
        TSIG_BADSIG);
}
END_TEST

/* Four messages a second apart, the first with the request's MAC, each other with the one before.
 */
START_TEST(signs_streams_likewise)
{
    struct tsig_session session = session_of(&vector_streams[_i].request, VECTORS_NOW, TSIG_GOOD);

    for (unsigned i = 0; i < COUNT(vector_streams[0].messages); i++) {
        const struct vector_message *message = &vector_streams[_i].messages[i];
        uint8_t *octets = exact_copy(message->octets, message->length);
        struct writer writer = unsigned_copy(message, tsig_size(&session), octets);
        ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW + i), RESULT_OK);
        ck_assert_msg(writer.length == message->length &&
                          memcmp(octets, message->octets, message->length) == 0,
                      "%s, message %u", vector_streams[_i].what, i);
        free(octets);
    }
    ck_assert_uint_eq(session.sent, COUNT(vector_streams[0].messages));
}
END_TEST

/* Our clock is 4,000 s before the client's: the client's time where it looks, ours beside it. */
START_TEST(signs_badtime_likewise)
{
    const struct vector_message *answer = &vector_badtimes[_i].answer;
    struct tsig_session session =
        session_of(&vector_badtimes[_i].request, VECTORS_LATE, TSIG_BADTIME);
    uint8_t *octets = exact_copy(answer->octets, answer->length);
    struct writer writer = unsigned_copy(answer, tsig_size(&session), octets);

    ck_assert_uint_eq(session.error, RCODE_BADTIME);
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_LATE), RESULT_OK);
    ck_assert_msg(writer.length == answer->length &&
                      memcmp(octets, answer->octets, answer->length) == 0,
                  "%s", vector_badtimes[_i].what);
    free(octets);
}
END_TEST

START_TEST(understands_badtime)
{
    const struct vector_message *answer = &vector_badtimes[_i].answer;
    struct tsig_session session = session_of(&vector_badtimes[_i].request, VECTORS_NOW, TSIG_GOOD);

    ck_assert_msg(tsig_check_answer(&keyring, answer->octets, answer->length, VECTORS_NOW,
                                    &session) == TSIG_BADTIME,
                  "%s", vector_badtimes[_i].what);
    ck_assert_uint_eq(session.error, RCODE_BADTIME);
    struct lab_message message = lab_copy(answer);
    message.octets[message.length - 1] ^= 1; /* the last of their time */
    ck_assert_int_eq(
        tsig_check_answer(&keyring, message.octets, message.length, VECTORS_NOW, &session),
        TSIG_BADSIG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tsig/vectors");
    TCase *request = tcase_create("request"), *answer = tcase_create("answer");

    tcase_add_checked_fixture(request, set_up, tear_down);
    tcase_add_checked_fixture(answer, set_up, tear_down);
    tcase_add_loop_test(request, accepts_requests, 0, COUNT(vector_requests));
    tcase_add_loop_test(request, signs_requests_likewise, 0, COUNT(vector_requests));
    tcase_add_loop_test(answer, signs_answers_likewise, 0, COUNT(vector_answers));
    tcase_add_loop_test(answer, accepts_answers, 0, COUNT(vector_answers));
    tcase_add_loop_test(answer, signs_streams_likewise, 0, COUNT(vector_streams));
    tcase_add_loop_test(answer, signs_badtime_likewise, 0, COUNT(vector_badtimes));
    tcase_add_loop_test(answer, understands_badtime, 0, COUNT(vector_badtimes));
    suite_add_tcase(suite, request);
    suite_add_tcase(suite, answer);
    return run_suite(suite);
}
