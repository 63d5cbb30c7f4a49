/* test_tsig_check.c - which requests are refused, with which verdict, and what the reply needs. */
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

/* ---- form -------------------------------------------------------------------------------------
 */

static void nothing(struct lab_message *message, const struct lab_fields *at)
{
    (void)message, (void)at;
}

static void no_tsig(struct lab_message *message, const struct lab_fields *at)
{
    message->length = at->owner;
    message->octets[11]--;
}

static void class_in(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->class_, CLASS_IN);
}

static void ttl_one(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->ttl + 2, 1);
}

static void twice(struct lab_message *message, const struct lab_fields *at)
{
    struct lab_message tsig = *message;

    lab_splice(message, message->length, 0, tsig.octets + at->owner, tsig.length - at->owner);
    message->octets[11]++;
}

static void record_behind(struct lab_message *message, const struct lab_fields *at)
{
    static const uint8_t record[] = {0, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};

    (void)at;
    lab_splice(message, message->length, 0, record, sizeof record);
    message->octets[11]++;
}

static void octet_behind(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    lab_splice(message, message->length, 0, "", 1);
}

/* UPDATE's update section is where an answer has its authority, AXFR's query has none: there the
 * count says that the TSIG is in that section. */
static void in_authority(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->octets[9]++;
    message->octets[11]--;
}

static void in_answer(struct lab_message *message, const struct lab_fields *at)
{
    static const uint8_t record[] = {0, 0, TYPE_TSIG, 0, 255, 0, 0, 0, 0, 0, 0};

    struct reader reader = reader_over(message->octets, message->length);
    struct question question;

    (void)at;
    reader_take(&reader, MESSAGE_HEADER_OCTETS);
    question_read(&reader, &question);
    lab_splice(message, (size_t)(reader.at - reader.start), 0, record, sizeof record);
    message->octets[7]++;
}

static void counted_twice(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->octets[11]++;
}

static void cut(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->length--;
}

static void half_a_header(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->length = 11;
}

static void empty(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->length = 0;
}

static void mac_size_beyond(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->mac_size, 0xffff);
}

static void mac_size_less(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->mac_size, lab_get(message, at->mac_size) - 1u);
}

static void other_length_beyond(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->other_length, 1);
}

static void rdata_left_over(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, message->length, 0, "", 1);
    lab_grow_rdata(message, at, 1);
}

static void counts_of_65535(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    memset(message->octets + 4, 0xff, 8);
}

/* ---- key and MAC ------------------------------------------------------------------------------
 */

static void owner_unknown(struct lab_message *message, const struct lab_fields *at)
{
    message->octets[at->owner + 1] = 'x';
}

static void algorithm_of_another(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, at->algorithm, at->time - at->algorithm, "\13hmac-sha384", 13);
    lab_grow_rdata(message, at, 13 - (int)(at->time - at->algorithm));
}

static void algorithm_truncated(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, at->algorithm, at->time - at->algorithm, "\17hmac-sha256-128", 17);
    lab_grow_rdata(message, at, 17 - (int)(at->time - at->algorithm));
}

static void algorithm_gss(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, at->algorithm, at->time - at->algorithm, "\10gss-tsig", 10);
    lab_grow_rdata(message, at, 10 - (int)(at->time - at->algorithm));
}

static void algorithm_unknown_and_no_mac(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, at->mac, at->original_id - at->mac, "", 0);
    lab_put(message, at->mac_size, 0);
    message->octets[at->algorithm + 1] = 'x';
    lab_grow_rdata(message, at, -(int)(at->original_id - at->mac));
}

static void mac_wrong(struct lab_message *message, const struct lab_fields *at)
{
    message->octets[at->original_id - 1] ^= 1;
}

static void id_changed(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    lab_put(message, 0, 0xbeef);
}

static void original_id_changed(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->original_id, 0xbeef);
}

static void flag_changed(struct lab_message *message, const struct lab_fields *at)
{
    (void)at;
    message->octets[3] ^= 0x10;
}

static void error_changed(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->error, RCODE_BADTIME);
}

static void other_data_added(struct lab_message *message, const struct lab_fields *at)
{
    lab_splice(message, message->length, 0, "\1\2", 2);
    lab_put(message, at->other_length, 2);
    lab_grow_rdata(message, at, 2);
}

static void fudge_changed(struct lab_message *message, const struct lab_fields *at)
{
    lab_put(message, at->fudge, 301);
}

static void time_changed(struct lab_message *message, const struct lab_fields *at)
{
    message->octets[at->time + 5]++;
}

static void other_case(struct lab_message *message, const struct lab_fields *at)
{
    for (size_t i = at->owner + 1; i < at->owner + 10; i++)
        message->octets[i] ^= message->octets[i] >= 'A' ? 0x20 : 0;
    for (size_t i = at->algorithm + 1; i < at->algorithm + 5; i++)
        message->octets[i] &= 0xdf;
}

static const struct {
    const char *what;
    void (*change)(struct lab_message *message, const struct lab_fields *at);
    enum tsig_outcome outcome;
} rows[] = {
    {"unchanged", nothing, TSIG_GOOD},
    {"no TSIG", no_tsig, TSIG_ABSENT},
    {"class IN", class_in, TSIG_MALFORMED},
    {"TTL 1", ttl_one, TSIG_MALFORMED},
    {"two of them", twice, TSIG_MALFORMED},
    {"a record behind it", record_behind, TSIG_MALFORMED},
    {"an octet behind it", octet_behind, TSIG_MALFORMED},
    {"in the authority section", in_authority, TSIG_MALFORMED},
    {"one in the answer section too", in_answer, TSIG_MALFORMED},
    {"a count for two", counted_twice, TSIG_MALFORMED},
    {"cut by an octet", cut, TSIG_MALFORMED},
    {"half a header", half_a_header, TSIG_MALFORMED},
    {"nothing at all", empty, TSIG_MALFORMED},
    {"counts of 65535", counts_of_65535, TSIG_MALFORMED},
    {"a MAC size beyond the record", mac_size_beyond, TSIG_MALFORMED},
    {"a MAC size less by one", mac_size_less, TSIG_MALFORMED},
    {"Other Len beyond the record", other_length_beyond, TSIG_MALFORMED},
    {"RDATA left over", rdata_left_over, TSIG_MALFORMED},
    {"an unknown key", owner_unknown, TSIG_BADKEY},
    {"the algorithm of another key", algorithm_of_another, TSIG_BADKEY},
    {"an algorithm with truncation in its name", algorithm_truncated, TSIG_BADKEY},
    {"GSS-TSIG", algorithm_gss, TSIG_BADKEY},
    {"an unknown algorithm without MAC", algorithm_unknown_and_no_mac, TSIG_BADKEY},
    {"a wrong MAC", mac_wrong, TSIG_BADSIG},
    {"another original ID", original_id_changed, TSIG_BADSIG},
    {"a flag of the header", flag_changed, TSIG_BADSIG},
    {"another error", error_changed, TSIG_BADSIG},
    {"Other Data", other_data_added, TSIG_BADSIG},
    {"another fudge", fudge_changed, TSIG_BADSIG},
    {"another time", time_changed, TSIG_BADSIG},
    {"another ID in the header: forwarded", id_changed, TSIG_GOOD},
    {"names in another case", other_case, TSIG_GOOD},
};

static void check_session(const struct tsig_session *session, enum tsig_outcome outcome,
                          const char *what)
{
    static const struct {
        bool key, replies_unsigned;
        uint16_t error;
    } expected[] = {
        [TSIG_ABSENT] = {false, false, 0},
        [TSIG_GOOD] = {true, false, 0},
        [TSIG_MALFORMED] = {false, false, 0},
        [TSIG_BADKEY] = {false, true, RCODE_BADKEY},
        [TSIG_BADSIG] = {false, true, RCODE_BADSIG},
        [TSIG_BADTRUNC] = {true, false, RCODE_BADTRUNC},
        [TSIG_BADTIME] = {true, false, RCODE_BADTIME},
    };

    ck_assert_msg(!session->key == !expected[outcome].key, "%s: key", what);
    ck_assert_msg(session->replies_unsigned == expected[outcome].replies_unsigned, "%s: unsigned",
                  what);
    ck_assert_msg(session->error == expected[outcome].error, "%s: error", what);
}

/* Row by row for each algorithm, whose sizes differ. */
START_TEST(tells_what_is_wrong)
{
    for (size_t i = 0; i < COUNT(vector_requests); i++) {
        enum tsig_algorithm algorithm = vector_requests[i].algorithm;
        struct lab_message message = lab_copy(&vector_requests[i].request);
        struct lab_fields at = lab_fields(&message, algorithm);
        struct tsig_session session;
        size_t plain;
        /* The key's own is not that of another. */
        if (rows[_i].change == algorithm_of_another && algorithm == TSIG_HMAC_SHA384)
            continue;
        rows[_i].change(&message, &at);
        enum tsig_outcome outcome = lab_check(&keyring, &message, VECTORS_NOW, &session, &plain);
        ck_assert_msg(outcome == rows[_i].outcome, "%s, %s: %d", rows[_i].what,
                      vector_requests[i].what, outcome);
        check_session(&session, outcome, rows[_i].what);
    }
}
END_TEST

START_TEST(fails_wherever_it_is_cut)
{
    struct lab_message message = lab_copy(&vector_requests[0].request);
    struct tsig_session session;
    size_t plain;

    while (message.length-- > 0)
        ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain),
                         TSIG_MALFORMED);
}
END_TEST

/* ---- truncation -------------------------------------------------------------------------------
 */

/* A MAC of every length from none to 70 octets: RFC 8945 section 5.2.2.1. */
START_TEST(judges_every_length_of_a_mac)
{
    enum tsig_algorithm algorithm = vector_requests[_i].algorithm;
    size_t whole = tsig_mac_octets(algorithm), least = whole / 2 > 10 ? whole / 2 : 10;

    for (size_t length = 0; length <= 70; length++) {
        struct lab_message message = lab_copy(&vector_requests[_i].request);
        struct lab_fields at = lab_fields(&message, algorithm);
        uint8_t mac[70] = {0};
        struct tsig_session session;
        size_t plain;
        memcpy(mac, message.octets + at.mac, whole);
        lab_splice(&message, at.mac, whole, mac, length);
        lab_put(&message, at.mac_size, (unsigned)length);
        lab_grow_rdata(&message, &at, (int)length - (int)whole);
        enum tsig_outcome expected = length > whole || length < least ? TSIG_MALFORMED
                                     : length < whole                 ? TSIG_BADTRUNC
                                                                      : TSIG_GOOD;
        keyring.truncated_welcome = false;
        enum tsig_outcome outcome = lab_check(&keyring, &message, VECTORS_NOW, &session, &plain);
        ck_assert_msg(outcome == expected, "%s, %zu octets: %d", vector_requests[_i].what, length,
                      outcome);
        check_session(&session, outcome, vector_requests[_i].what);
        keyring.truncated_welcome = true;
        outcome = lab_check(&keyring, &message, VECTORS_NOW, &session, &plain);
        ck_assert_int_eq(outcome, expected == TSIG_BADTRUNC ? TSIG_GOOD : expected);
        if (expected == TSIG_MALFORMED)
            continue;
        ck_assert_uint_eq(session.mac_length, length);
        /* Out of time comes first, a wrong MAC before both. */
        keyring.truncated_welcome = false;
        ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_LATE, &session, &plain),
                         TSIG_BADTIME);
        message.octets[at.mac + length - 1] ^= 0x80;
        ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_LATE, &session, &plain),
                         TSIG_BADSIG);
    }
}
END_TEST

/* ---- time -------------------------------------------------------------------------------------
 */

static const struct {
    const char *what;
    uint16_t fudge;
    int64_t away; /* of our clock, seconds after the peer's */
    enum tsig_outcome outcome;
} times[] = {
    {"the same second", 300, 0, TSIG_GOOD},
    {"as late as may be", 300, 300, TSIG_GOOD},
    {"later", 300, 301, TSIG_BADTIME},
    {"as early as may be", 300, -300, TSIG_GOOD},
    {"earlier", 300, -301, TSIG_BADTIME},
    {"no fudge", 0, 0, TSIG_GOOD},
    {"no fudge, a second late", 0, 1, TSIG_BADTIME},
    {"no fudge, a second early", 0, -1, TSIG_BADTIME},
    {"more fudge than is granted", 65535, TSIG_MAX_FUDGE, TSIG_GOOD},
    {"more than is granted, late", 65535, TSIG_MAX_FUDGE + 1, TSIG_BADTIME},
    {"more than is granted, early", 65535, -TSIG_MAX_FUDGE - 1, TSIG_BADTIME},
    {"a clock that is at 1970", 300, -VECTORS_NOW, TSIG_BADTIME},
    {"a clock that is far ahead", 300, INT64_C(1) << 47, TSIG_BADTIME},
};

/* Sign anew after another fudge was put in: by the digest of an answer without a request. */
static struct lab_message with_fudge(uint16_t fudge)
{
    struct lab_message message = lab_copy(&vector_requests[0].request);
    struct lab_fields at = lab_fields(&message, vector_requests[0].algorithm);
    struct tsig_session session;
    size_t plain;

    /* BADTIME repeats the fudge of the request; it is the one way to have another one signed. */
    ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain), TSIG_GOOD);
    session.mac_length = 0;
    session.error = RCODE_BADTIME;
    session.fudge = fudge;
    message.length = at.owner;
    message.octets[11]--;
    struct writer writer = {
        .octets = message.octets, .length = message.length, .limit = sizeof message.octets};
    ck_assert_int_eq(tsig_sign(&keyring, &session, &writer, VECTORS_NOW), RESULT_OK);
    message.length = writer.length;
    return message;
}

START_TEST(judges_the_time)
{
    struct lab_message message = with_fudge(times[_i].fudge);
    struct tsig_session session;
    size_t plain;
    uint64_t now = (uint64_t)(VECTORS_NOW + times[_i].away);

    enum tsig_outcome outcome = lab_check(&keyring, &message, now, &session, &plain);
    ck_assert_msg(outcome == times[_i].outcome, "%s: %d", times[_i].what, outcome);
    check_session(&session, outcome, times[_i].what);
    ck_assert_uint_eq(session.time_signed, VECTORS_NOW);
    ck_assert_uint_eq(session.fudge, times[_i].fudge);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------
 */

/* Both names stand in the message already; the TSIG points to them. */
START_TEST(reads_compressed_names)
{
    enum tsig_algorithm algorithm = (enum tsig_algorithm)_i;
    const struct tsig_key *key = lab_key(&keyring, algorithm);
    struct name name = name_of(tsig_algorithm_to_text(algorithm));
    struct lab_message message = {.length = 0};
    struct header header = {.id = 7, .counts = {2, 0, 0, 0}};
    struct writer writer = writer_over(message.octets, sizeof message.octets);
    struct tsig_session session;
    size_t plain;

    header_write(&writer, &header);
    name_write(&writer, &key->name);
    writer_u32(&writer, TYPE_SOA << 16 | CLASS_IN);
    uint8_t pointer[2] = {0xc0, (uint8_t)writer.length};
    name_write(&writer, &name);
    writer_u32(&writer, TYPE_SOA << 16 | CLASS_IN);
    ck_assert_int_eq(tsig_request(&keyring, key, &session, &writer, VECTORS_NOW), RESULT_OK);
    message.length = writer.length;
    struct lab_fields at = lab_fields(&message, algorithm);
    lab_splice(&message, at.algorithm, name.length, pointer, 2);
    lab_grow_rdata(&message, &at, 2 - name.length);
    lab_splice(&message, at.owner, key->name.length, "\xc0\x0c", 2);

    ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain), TSIG_GOOD);
    ck_assert_uint_eq(plain, at.owner);
    ck_assert(name_equal(&session.key_name, &key->name));
    ck_assert(name_equal(&session.algorithm, &name));
}
END_TEST

/* A name in the case in which it came is what the reply repeats. */
START_TEST(keeps_the_case_of_names)
{
    struct lab_message message = lab_copy(&vector_requests[0].request);
    struct lab_fields at = lab_fields(&message, vector_requests[0].algorithm);
    struct tsig_session session;
    size_t plain;

    other_case(&message, &at);
    ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain), TSIG_GOOD);
    ck_assert_mem_eq(session.key_name.octets, message.octets + at.owner, session.key_name.length);
    ck_assert_mem_eq(session.algorithm.octets, message.octets + at.algorithm,
                     session.algorithm.length);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tsig/check");
    TCase *request = tcase_create("request");

    tcase_add_checked_fixture(request, set_up, tear_down);
    tcase_add_loop_test(request, tells_what_is_wrong, 0, COUNT(rows));
    tcase_add_test(request, fails_wherever_it_is_cut);
    tcase_add_loop_test(request, judges_every_length_of_a_mac, 0, COUNT(vector_requests));
    tcase_add_loop_test(request, judges_the_time, 0, COUNT(times));
    tcase_add_loop_test(request, reads_compressed_names, 0, TSIG_ALGORITHMS);
    tcase_add_test(request, keeps_the_case_of_names);
    suite_add_tcase(suite, request);
    return run_suite(suite);
}
