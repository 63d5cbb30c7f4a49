/* test_tsig_sign.c - what is appended to an answer, where there is room, and what a client reads.
 */
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

/* The header and question of an answer to the AXFR of the vectors. */
static const uint8_t bare[] = {0x23, 0x45, 0x84, 0,   0,   1,   0,   0, 0, 0,   0, 0, 7,
                               'e',  'x',  'a',  'm', 'p', 'l', 'e', 0, 0, 252, 0, 1};

static struct writer writer_of(uint8_t *octets, size_t limit)
{
    struct writer writer = writer_over(octets, limit);

    writer_add(&writer, bare, sizeof bare);
    return writer;
}

enum situation { GOOD, BADKEY, BADSIG, BADTIME, BADTRUNC, SITUATIONS };

/* Check a request that meets that outcome. */
static struct tsig_session session_of(enum tsig_algorithm algorithm, enum situation situation)
{
    static const enum tsig_outcome outcomes[SITUATIONS] = {TSIG_GOOD, TSIG_BADKEY, TSIG_BADSIG,
                                                           TSIG_BADTIME, TSIG_BADTRUNC};
    struct lab_message message = lab_copy(&vector_streams[algorithm].request);
    struct lab_fields at = lab_fields(&message, algorithm);
    struct tsig_session session;
    size_t plain;

    if (situation == BADKEY)
        message.octets[at.owner + 1] = '*';
    if (situation == BADSIG)
        message.octets[at.mac] ^= 1;
    if (situation == BADTRUNC) {
        lab_put(&message, at.mac_size, (unsigned)tsig_mac_octets(algorithm) - 1);
        lab_splice(&message, at.original_id - 1, 1, "", 0);
        lab_grow_rdata(&message, &at, -1);
    }
    uint64_t now = situation == BADTIME ? VECTORS_LATE : VECTORS_NOW;
    ck_assert_int_eq(lab_check(&keyring, &message, now, &session, &plain), outcomes[situation]);
    return session;
}

/* Room for exactly the TSIG, and for each number of octets less: all or nothing. */
START_TEST(fits_or_leaves_all_as_it_was)
{
    enum tsig_algorithm algorithm = (enum tsig_algorithm)(_i / SITUATIONS);
    const struct tsig_session before = session_of(algorithm, (enum situation)(_i % SITUATIONS));
    size_t size = tsig_size(&before);

    for (size_t room = 0; room <= size; room++) {
        uint8_t *octets = exact_copy(bare, sizeof bare);
        octets = realloc(octets, sizeof bare + room);
        ck_assert_ptr_nonnull(octets);
        struct writer writer = writer_of(octets, sizeof bare + room);
        struct tsig_session session = before;
        enum result result = tsig_sign(&keyring, &session, &writer, VECTORS_NOW);
        ck_assert_int_eq(result, room < size ? RESULT_FULL : RESULT_OK);
        ck_assert(writer.failed == (room < size));
        ck_assert_uint_eq(writer.length, sizeof bare + (room < size ? 0 : size));
        ck_assert_uint_eq(session.sent, room < size ? 0 : 1);
        ck_assert_uint_eq(octets[11], room < size ? 0 : 1);
        if (room < size) {
            ck_assert_mem_eq(octets, bare, sizeof bare);
            ck_assert_mem_eq(session.mac, before.mac, before.mac_length);
        }
        free(octets);
    }
}
END_TEST

START_TEST(does_nothing_without_a_tsig)
{
    uint8_t octets[sizeof bare];
    struct writer writer = writer_of(octets, sizeof octets);
    struct tsig_session session = {.key = NULL};

    ck_assert_uint_eq(tsig_size(&session), 0);
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_uint_eq(writer.length, sizeof bare);
    ck_assert_mem_eq(octets, bare, sizeof bare);
    ck_assert_uint_eq(session.sent, 0);
}
END_TEST

/* Section 5.3.2: no MAC, the request's names and id, the error. */
START_TEST(an_unsigned_reply_has_no_mac)
{
    struct tsig_session session =
        session_of((enum tsig_algorithm)(_i / 2), _i % 2 ? BADKEY : BADSIG);
    uint8_t octets[512];
    struct writer writer = writer_of(octets, sizeof octets);
    struct record record;
    struct name algorithm;

    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW + 1), RESULT_OK);
    struct reader reader = reader_over(octets, writer.length);
    reader_take(&reader, sizeof bare);
    record_read(&reader, &record);
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    ck_assert(name_equal(&record.owner, &session.key_name));
    ck_assert_uint_eq(record.type, TYPE_TSIG);
    ck_assert_uint_eq(record.class_, CLASS_ANY);
    ck_assert_uint_eq(record.ttl, 0);
    name_read(&record.rdata, &algorithm);
    ck_assert(name_equal(&algorithm, &session.algorithm));
    ck_assert_uint_eq(reader_u16(&record.rdata), 0);
    ck_assert_uint_eq(reader_u32(&record.rdata), VECTORS_NOW + 1);
    ck_assert_uint_eq(reader_u16(&record.rdata), TSIG_FUDGE);
    ck_assert_uint_eq(reader_u16(&record.rdata), 0);
    ck_assert_uint_eq(reader_u16(&record.rdata), 0x2345);
    ck_assert_uint_eq(reader_u16(&record.rdata), _i % 2 ? RCODE_BADKEY : RCODE_BADSIG);
    ck_assert_uint_eq(reader_u16(&record.rdata), 0);
    ck_assert_int_eq(reader_finish(&record.rdata), RESULT_OK);
}
END_TEST

/* The answer to a request whose ID was changed on the way: the first one is digested and said. */
START_TEST(the_original_id_is_the_first_one)
{
    struct lab_message request = lab_copy(&vector_streams[TSIG_HMAC_SHA256].request);
    struct tsig_session server, client = session_of(TSIG_HMAC_SHA256, GOOD);
    uint8_t octets[512];
    struct writer writer = writer_of(octets, sizeof octets);
    size_t plain;

    lab_put(&request, 0, 0xbeef);
    ck_assert_int_eq(lab_check(&keyring, &request, VECTORS_NOW, &server, &plain), TSIG_GOOD);
    ck_assert_uint_eq(server.original_id, 0x2345);
    octets[0] = 0xbe, octets[1] = 0xef;
    ck_assert_int_eq(tsig_sign(&keyring, &server, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, writer.length, VECTORS_NOW, &client),
                     TSIG_GOOD);
    octets[0] = 0x23, octets[1] = 0x45;
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, writer.length, VECTORS_NOW, &client),
                     TSIG_GOOD);
}
END_TEST

/* ---- limits -----------------------------------------------------------------------------------
 */

START_TEST(a_message_stays_a_message)
{
    struct tsig_session session = session_of(TSIG_HMAC_SHA256, GOOD);
    size_t size = tsig_size(&session), limit = MESSAGE_MAX_OCTETS + 100;
    uint8_t *octets = calloc(1, limit);
    struct writer writer = writer_of(octets, limit);

    ck_assert_ptr_nonnull(octets);
    writer.length = MESSAGE_MAX_OCTETS - size + 1;
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_FULL);
    writer.failed = false;
    writer.length = MESSAGE_MAX_OCTETS - size;
    octets[10] = octets[11] = 0xff;
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_FULL);
    writer.failed = false;
    octets[11] = 0xfe;
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_uint_eq(octets[10], 0xff);
    ck_assert_uint_eq(octets[11], 0xff);
    writer.length = MESSAGE_HEADER_OCTETS - 1;
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_FULL);
    ck_assert_int_eq(tsig_request(&keyring, session.key, &session, &writer, VECTORS_NOW),
                     RESULT_FULL);
    free(octets);
}
END_TEST

START_TEST(the_count_carries)
{
    struct tsig_session session = session_of(TSIG_HMAC_SHA256, GOOD);
    uint8_t octets[512];
    struct writer writer = writer_of(octets, sizeof octets);

    octets[11] = 0xff;
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_OK);
    ck_assert_uint_eq(octets[10], 1);
    ck_assert_uint_eq(octets[11], 0);
}
END_TEST

/* A key of another keyring is not taken for one of this. */
START_TEST(refuses_a_key_of_another_keyring)
{
    struct tsig_keyring other;
    struct tsig_session session = session_of(TSIG_HMAC_SHA256, GOOD);
    uint8_t octets[512];
    struct writer writer = writer_of(octets, sizeof octets);

    lab_keyring_open(&other);
    ck_assert_int_eq(tsig_sign(&other, &session, &writer, VECTORS_NOW), RESULT_SYSTEM);
    ck_assert_uint_eq(writer.length, sizeof bare);
    ck_assert_mem_eq(octets, bare, sizeof bare);
    tsig_keyring_close(&other);
}
END_TEST

/* ---- as a client ------------------------------------------------------------------------------
 */

/* A request of ours, checked and answered by ourselves. */
static size_t converse(enum tsig_algorithm algorithm, enum situation situation, uint8_t *octets,
                       struct tsig_session *client)
{
    struct lab_message request = {.length = 0};
    struct writer writer = writer_of(request.octets, sizeof request.octets);
    struct tsig_session server;
    uint64_t now = situation == BADTIME ? VECTORS_LATE : VECTORS_NOW;
    size_t plain;

    ck_assert_int_eq(
        tsig_request(&keyring, lab_key(&keyring, algorithm), client, &writer, VECTORS_NOW),
        RESULT_OK);
    request.length = writer.length;
    struct lab_fields at = lab_fields(&request, algorithm);
    if (situation == BADSIG)
        request.octets[at.mac] ^= 1;
    if (situation == BADKEY)
        keyring.count = 0;
    (void)lab_check(&keyring, &request, now, &server, &plain);
    keyring.count = TSIG_ALGORITHMS;
    writer = writer_of(octets, 512);
    octets[3] |= situation == GOOD ? RCODE_NOERROR : RCODE_NOTAUTH;
    ck_assert_int_eq(tsig_sign(&keyring, &server, &writer, now), RESULT_OK);
    return writer.length;
}

START_TEST(a_client_reads_the_verdict)
{
    static const struct {
        enum tsig_outcome outcome;
        uint16_t error;
    } expected[] = {[GOOD] = {TSIG_GOOD, 0},
                    [BADKEY] = {TSIG_BADKEY, RCODE_BADKEY},
                    [BADSIG] = {TSIG_BADSIG, RCODE_BADSIG},
                    [BADTIME] = {TSIG_BADTIME, RCODE_BADTIME}};
    enum tsig_algorithm algorithm = (enum tsig_algorithm)(_i / 4);
    struct tsig_session client;
    uint8_t octets[512];

    size_t length = converse(algorithm, (enum situation)(_i % 4), octets, &client);
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW, &client),
                     expected[_i % 4].outcome);
    ck_assert_uint_eq(client.error, expected[_i % 4].error);
    /* What has no MAC counts only in a NOTAUTH, what has one only as it was. */
    octets[3] ^= RCODE_NOTAUTH;
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW, &client),
                     TSIG_BADSIG);
}
END_TEST

START_TEST(a_client_refuses_other_answers)
{
    struct tsig_session client, other = session_of(TSIG_HMAC_SHA384, GOOD), none = {.key = NULL};
    uint8_t octets[512];
    size_t length = converse(TSIG_HMAC_SHA256, GOOD, octets, &client);

    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW, &other), TSIG_BADKEY);
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW, &none), TSIG_BADKEY);
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW + 301, &client),
                     TSIG_BADTIME);
    ck_assert_uint_eq(client.error, 0); /* the peer says nothing of the sort */
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length - 1, VECTORS_NOW, &client),
                     TSIG_MALFORMED);
    ck_assert_int_eq(tsig_check_answer(&keyring, bare, sizeof bare, VECTORS_NOW, &client),
                     TSIG_ABSENT);
    ck_assert_int_eq(tsig_check_answer(&keyring, octets, length, VECTORS_NOW, &client), TSIG_GOOD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tsig/sign");
    TCase *answer = tcase_create("answer"), *client = tcase_create("client");

    tcase_add_checked_fixture(answer, set_up, tear_down);
    tcase_add_checked_fixture(client, set_up, tear_down);
    tcase_add_loop_test(answer, fits_or_leaves_all_as_it_was, 0, TSIG_ALGORITHMS * SITUATIONS);
    tcase_add_test(answer, does_nothing_without_a_tsig);
    tcase_add_loop_test(answer, an_unsigned_reply_has_no_mac, 0, 2 * TSIG_ALGORITHMS);
    tcase_add_test(answer, the_original_id_is_the_first_one);
    tcase_add_test(answer, a_message_stays_a_message);
    tcase_add_test(answer, the_count_carries);
    tcase_add_test(answer, refuses_a_key_of_another_keyring);
    tcase_add_loop_test(client, a_client_reads_the_verdict, 0, 4 * TSIG_ALGORITHMS);
    tcase_add_test(client, a_client_refuses_other_answers);
    suite_add_tcase(suite, answer);
    suite_add_tcase(suite, client);
    return run_suite(suite);
}
