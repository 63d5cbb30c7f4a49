/* test_desk_request.c - requests with and without TSIG, and what becomes of each. */
#include "desk_lab.h"

enum { GOOD_MAC = 32 };

static const struct lab_record add_address = {
    "a.dyn.plain.example.", TYPE_A, CLASS_IN, 60, 4, "\300\0\2\1"};
static const struct lab_record name_in_use = {"a.plain.example.", TYPE_ANY, CLASS_ANY, 0, 0, ""};
static const struct lab_record not_granted = {"b.plain.example.", TYPE_A, CLASS_IN, 60, 4,
                                              "\300\0\2\1"};

static struct lab_request request;

/* ---- TSIG (RFC 8945 section 5.2) -------------------------------------------------------------*/

enum spoiling {
    UNSPOILED,
    SPOIL_KEY,     /* another name */
    SPOIL_CONTENT, /* after it was signed */
    SPOIL_LAST,    /* a record behind it */
    LATE,
    EARLY,
    SHORT_MAC,
    UNSIGNED
};

static const struct {
    const char *what;
    enum spoiling spoiling;
    unsigned rcode;
    uint16_t error;    /* of the answer's TSIG */
    bool has_tsig;     /* the answer */
    size_t mac_length; /* of the answer */
    int metric;        /* counted; -1: none */
} tsig_rows[] = {
    {"a good one", UNSPOILED, RCODE_NOERROR, 0, true, GOOD_MAC, METRIC_TSIG_GOOD},
    {"none", UNSIGNED, RCODE_NOERROR, 0, false, 0, -1},
    {"5.2.1: an unknown key", SPOIL_KEY, RCODE_NOTAUTH, RCODE_BADKEY, true, 0, METRIC_TSIG_BADKEY},
    {"5.2.2: a wrong MAC", SPOIL_CONTENT, RCODE_NOTAUTH, RCODE_BADSIG, true, 0, METRIC_TSIG_BADSIG},
    {"5.2.2.1: a MAC too short to be one", SHORT_MAC, RCODE_FORMERR, 0, false, 0,
     METRIC_TSIG_MALFORMED},
    {"5.2.3: too late", LATE, RCODE_NOTAUTH, RCODE_BADTIME, true, GOOD_MAC, METRIC_TSIG_BADTIME},
    {"5.2.3: too early", EARLY, RCODE_NOTAUTH, RCODE_BADTIME, true, GOOD_MAC, METRIC_TSIG_BADTIME},
    {"5.1: not the last", SPOIL_LAST, RCODE_FORMERR, 0, false, 0, METRIC_TSIG_MALFORMED},
};

/* Behind the TSIG record's owner, type, class and TTL; its owner is `ddns.`, 6 octets. */
static uint8_t *find_tsig(size_t plain)
{
    return request.octets + plain;
}

static void spoil(enum spoiling spoiling, size_t plain)
{
    static const struct lab_record more = {"more.", TYPE_A, CLASS_IN, 60, 4, "\300\0\2\1"};
    uint8_t *tsig = find_tsig(plain);
    enum { ALGORITHM_OCTETS = 13, MAC_LENGTH_AT = 6 + 10 + ALGORITHM_OCTETS + 8 };

    switch (spoiling) {
    case SPOIL_KEY:
        tsig[1] = 'x';
        break;
    case SPOIL_CONTENT:
        request.octets[13] ^= 1;
        break;
    case SPOIL_LAST:
        lab_add(&request, SECTION_ADDITIONAL, &more);
        break;
    case SHORT_MAC: /* the MAC's length, the RDATA's, and the octets are cut by 28: 4 are left */
        ck_assert_uint_eq(tsig[MAC_LENGTH_AT + 1], GOOD_MAC);
        tsig[MAC_LENGTH_AT + 1] -= 28;
        tsig[15] -= 28;
        memmove(tsig + MAC_LENGTH_AT + 6, tsig + MAC_LENGTH_AT + 34, 6);
        request.writer.length -= 28;
        break;
    default:
        break;
    }
}

START_TEST(tsig_is_judged)
{
    static const int64_t seconds[] = {[LATE] = -3600, [EARLY] = 3600, [UNSIGNED] = 0};
    enum spoiling spoiling = tsig_rows[_i].spoiling;
    const char *what = tsig_rows[_i].what;

    lab_begin(&request, OPCODE_QUERY, "www.plain.example.", TYPE_A, CLASS_IN);
    size_t plain = request.writer.length;
    if (spoiling != UNSIGNED)
        lab_sign_at(&request, "ddns.", seconds[spoiling]);
    spoil(spoiling, plain);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert_msg(found.rcode == tsig_rows[_i].rcode, "%s: RCODE %u", what, found.rcode);
    ck_assert_msg(found.has_tsig == tsig_rows[_i].has_tsig, "%s: TSIG", what);
    ck_assert_msg(found.tsig_error == tsig_rows[_i].error, "%s: error %u", what, found.tsig_error);
    ck_assert_msg(found.mac_length == tsig_rows[_i].mac_length, "%s: MAC of %zu", what,
                  found.mac_length);
    if (tsig_rows[_i].metric >= 0)
        ck_assert_msg(lab_metric((enum metric)tsig_rows[_i].metric) == 1, "%s: count", what);
    /* Signed or not: only the first is an answer to somebody who has shown a key. */
    ck_assert_msg(lab.answered.trusted == (spoiling == UNSPOILED), "%s: trusted?", what);
    if (spoiling == UNSPOILED)
        ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    if (spoiling == LATE)
        ck_assert_int_eq(lab_check(&request), TSIG_BADTIME);
}
END_TEST

/* ---- what is answered at once ----------------------------------------------------------------*/

enum { NO_KEY, DDNS, XFER, TCP = 4, OPT = 8, SEVEN = 16 /* from 192.0.2.7 */ };
static const char *const key_names[] = {[DDNS] = "ddns.", [XFER] = "xfer."};

static const struct {
    const char *what;
    enum opcode opcode;
    const char *name;
    uint16_t type, class_;
    unsigned how;
    unsigned rcode;
    uint16_t extended;
} rows[] = {
    {"a NOTIFY of ours", OPCODE_NOTIFY, "plain.example.", TYPE_SOA, CLASS_IN, 0, RCODE_NOERROR,
     EDE_NONE},
    {"a NOTIFY of another zone", OPCODE_NOTIFY, "other.", TYPE_SOA, CLASS_IN, 0, RCODE_NOTAUTH,
     EDE_NONE},
    {"a NOTIFY of a part of ours", OPCODE_NOTIFY, "www.plain.example.", TYPE_SOA, CLASS_IN, 0,
     RCODE_NOTAUTH, EDE_NONE},
    {"a NOTIFY of A", OPCODE_NOTIFY, "plain.example.", TYPE_A, CLASS_IN, 0, RCODE_FORMERR,
     EDE_NONE},
    {"an AXFR without a key", OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN, TCP | OPT,
     RCODE_REFUSED, EDE_PROHIBITED},
    {"an AXFR by another key", OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN,
     DDNS | TCP | OPT, RCODE_REFUSED, EDE_PROHIBITED},
    {"an AXFR of another zone", OPCODE_QUERY, "other.", TYPE_AXFR, CLASS_IN, XFER | TCP | OPT,
     RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE},
    {"an AXFR of another class", OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_CH, XFER | TCP,
     RCODE_NOTAUTH, EDE_NONE},
    {"an AXFR by datagram", OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN, XFER,
     RCODE_FORMERR, EDE_NONE},
    {"an AXFR by datagram, not allowed", OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN, 0,
     RCODE_REFUSED, EDE_NONE},
    {"an AXFR that is not signed yet", OPCODE_QUERY, "signed.example.", TYPE_AXFR, CLASS_IN,
     XFER | TCP | OPT, RCODE_SERVFAIL, EDE_NOT_READY},
    {"an IXFR without a serial", OPCODE_QUERY, "plain.example.", TYPE_IXFR, CLASS_IN, XFER | TCP,
     RCODE_FORMERR, EDE_NONE},
    {"an update without a key", OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN, OPT,
     RCODE_REFUSED, EDE_PROHIBITED},
    {"an update by another key", OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN, XFER,
     RCODE_REFUSED, EDE_NONE},
    {"an update of another zone", OPCODE_UPDATE, "other.", TYPE_SOA, CLASS_IN, DDNS, RCODE_NOTAUTH,
     EDE_NONE},
    {"3.1.2: an update of another class", OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_CH, DDNS,
     RCODE_NOTAUTH, EDE_NONE},
    {"3.1.1: an update of A", OPCODE_UPDATE, "plain.example.", TYPE_A, CLASS_IN, DDNS,
     RCODE_FORMERR, EDE_NONE},
    {"an opcode that is none", (enum opcode)9, "plain.example.", TYPE_SOA, CLASS_IN, DDNS,
     RCODE_NOTIMP, EDE_NONE},
};

START_TEST(is_answered)
{
    unsigned how = rows[_i].how, key = how & 3;

    lab_come_from(!(how & TCP), "192.0.2.1", 4242);
    lab_begin(&request, rows[_i].opcode, rows[_i].name, rows[_i].type, rows[_i].class_);
    if (how & OPT)
        lab_opt(&request);
    if (key)
        lab_sign(&request, key_names[key]);
    ck_assert_msg(lab_take(&request) == TAKEN_ANSWERED, "%s", rows[_i].what);
    struct lab_found found = lab_read();
    ck_assert_msg(found.rcode == rows[_i].rcode, "%s: RCODE %u", rows[_i].what, found.rcode);
    ck_assert_msg(found.extended_error == rows[_i].extended, "%s: extended error %u", rows[_i].what,
                  found.extended_error);
    ck_assert_uint_eq(found.header.id, 0x1234);
    ck_assert_uint_eq(header_opcode(&found.header), rows[_i].opcode);
    ck_assert_uint_eq(found.header.counts[SECTION_QUESTION], rows[_i].rcode != RCODE_NOTIMP);
    if (key)
        ck_assert_msg(lab_check(&request) == TSIG_GOOD, "%s: TSIG", rows[_i].what);
    else
        ck_assert(!found.has_tsig);
    ck_assert_uint_eq(lab.letters, 0);
    ck_assert_ptr_null(lab.stream);
}
END_TEST

/* A message of DSO has its own form behind the header (RFC 8490 section 5.1). */
START_TEST(what_follows_an_unknown_opcode_is_not_judged)
{
    static const uint8_t dso[] = {0x12, 0x34, 6 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                  0,    1,    0,      8, 0, 0, 0, 1, 0, 0, 0, 1};

    lab_come_from(false, "192.0.2.1", 4242);
    ck_assert_int_eq(desk_take(&lab.desk, &lab.origin, dso, sizeof dso, NULL), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert_uint_eq(found.rcode, RCODE_NOTIMP);
    ck_assert_uint_eq(lab.answer_length, MESSAGE_HEADER_OCTETS);
}
END_TEST

START_TEST(what_is_no_request_is_not_answered)
{
    lab_begin(&request, OPCODE_NOTIFY, "plain.example.", TYPE_SOA, CLASS_IN);
    request.octets[2] |= 0x80;
    ck_assert_int_eq(lab_take(&request), TAKEN_SILENT);
    request.writer.length = 11;
    ck_assert_int_eq(lab_take(&request), TAKEN_SILENT);
    ck_assert_uint_eq(lab.answers, 0);
}
END_TEST

/* Cut anywhere, it is malformed, and never more than that. */
START_TEST(a_message_that_is_cut_is_malformed)
{
    lab_begin(&request, OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN);
    lab_add(&request, SECTION_ANSWER, &name_in_use);
    lab_add(&request, SECTION_AUTHORITY, &add_address);
    lab_sign(&request, "ddns.");
    size_t whole = request.writer.length;
    for (size_t length = MESSAGE_HEADER_OCTETS; length < whole; length++) {
        request.writer.length = length;
        ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
        ck_assert_uint_eq(lab_read().rcode, RCODE_FORMERR);
    }
    ck_assert_uint_eq(lab.letters, 0);
}
END_TEST

/* ---- plain queries ---------------------------------------------------------------------------*/

START_TEST(room_for_the_tsig_is_kept)
{
    lab_begin(&request, OPCODE_QUERY, "big.plain.example.", TYPE_TXT, CLASS_IN);
    lab_opt(&request);
    lab_sign(&request, "ddns.");
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert(found.header.flags & FLAG_TC);
    ck_assert_uint_le(lab.answer_length, 1232);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    lab_come_from(false, "192.0.2.1", 4242);
    lab_begin(&request, OPCODE_QUERY, "big.plain.example.", TYPE_TXT, CLASS_IN);
    lab_sign(&request, "ddns.");
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
}
END_TEST

static void ask_big(uint16_t payload)
{
    const uint8_t opt[] = {0, 0, TYPE_OPT, (uint8_t)(payload >> 8), (uint8_t)payload, 0, 0, 0,
                           0, 0, 0};

    lab_begin(&request, OPCODE_QUERY, "big.plain.example.", TYPE_TXT, CLASS_IN);
    writer_add(&request.writer, opt, sizeof opt);
    lab_count(&request, SECTION_ADDITIONAL, 1);
}

/* What would fit by itself and does not with its TSIG is truncated, and nothing else. */
START_TEST(an_answer_that_just_does_not_fit_is_truncated)
{
    lab.desk.answerer.udp_payload = 4096;
    ask_big(4096);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    size_t length = lab.answer_length;
    ck_assert_uint_eq(lab_read().header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    ask_big((uint16_t)length);
    lab_sign(&request, "ddns.");
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert(found.header.flags & FLAG_TC);
    ck_assert(found.header.flags & FLAG_AA);
    ck_assert_uint_eq(found.rcode, RCODE_NOERROR);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ask_big((uint16_t)(length + tsig_size(&request.session) + 200));
    lab_sign(&request, "ddns.");
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
}
END_TEST

static void ask_signed_zone(void)
{
    lab_begin(&request, OPCODE_QUERY, "www.signed.example.", TYPE_A, CLASS_IN);
    const uint8_t opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
    writer_add(&request.writer, opt, sizeof opt);
    lab_count(&request, SECTION_ADDITIONAL, 1);
    lab_sign(&request, "ddns.");
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    ck_assert_uint_eq(lab.letters, 1);
    ck_assert_int_eq(lab.letter.kind, MESSAGE_WANT);
    ck_assert_uint_eq(lab.letter.want.type, TYPE_A);
}

START_TEST(a_signature_that_is_refused_is_servfail)
{
    ask_signed_zone();
    waiting_refused(&lab.desk, lab.letter.want.id, NOT_STORED_FAILED);
    ck_assert_uint_eq(lab.answers, 1);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ck_assert_uint_eq(lab.desk.waiting.count, 0);
}
END_TEST

START_TEST(a_signature_that_does_not_come_is_servfail)
{
    ask_signed_zone();
    lab.desk.now_ms += 700;
    waiting_tick(&lab.desk);
    ck_assert_uint_eq(lab.answers, 0);
    lab.desk.now_ms += 100;
    waiting_tick(&lab.desk);
    ck_assert_uint_eq(lab.answers, 1);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
}
END_TEST

/* Said to be there, and still not: it is asked for again, a few times. */
START_TEST(what_is_missing_again_is_asked_for_again)
{
    ask_signed_zone();
    for (unsigned i = 2; i <= 4; i++) {
        waiting_stored(&lab.desk, lab.letter.want.id + 1); /* none of ours */
        waiting_stored(&lab.desk, lab.letter.want.id);
        ck_assert_uint_eq(lab.letters, i);
    }
    waiting_stored(&lab.desk, lab.letter.want.id);
    ck_assert_uint_eq(lab.letters, 4);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
}
END_TEST

START_TEST(a_keeper_that_comes_is_asked)
{
    lab.keeper_away = true;
    lab_begin(&request, OPCODE_QUERY, "www.signed.example.", TYPE_A, CLASS_IN);
    const uint8_t opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
    writer_add(&request.writer, opt, sizeof opt);
    lab_count(&request, SECTION_ADDITIONAL, 1);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    lab.keeper_away = false;
    waiting_again(&lab.desk);
    waiting_tick(&lab.desk);
    ck_assert_uint_eq(lab.letters, 1);
}
END_TEST

/* ---- updates ---------------------------------------------------------------------------------*/

static void make_update(const struct lab_record *prerequisite, const struct lab_record *change)
{
    lab_begin(&request, OPCODE_UPDATE, "Plain.Example.", TYPE_SOA, CLASS_IN);
    if (prerequisite)
        lab_add(&request, SECTION_ANSWER, prerequisite);
    if (change)
        lab_add(&request, SECTION_AUTHORITY, change);
    lab_sign(&request, "ddns.");
}

static void tell_updated(uint64_t id, uint16_t rcode)
{
    pending_answered(&lab.desk, &(struct message_updated){.id = id, .rcode = rcode, .text = ""});
}

START_TEST(an_update_goes_to_the_keeper_and_back)
{
    struct name zone = name_of("plain.example.");

    make_update(&name_in_use, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    ck_assert_int_eq(lab.letter.kind, MESSAGE_UPDATE);
    const struct message_update *update = &lab.letter.update;
    ck_assert_mem_eq(update->zone.octets, zone.octets, zone.length); /* in lower case */
    ck_assert_uint_eq(update->refusal, RCODE_NOERROR);
    ck_assert_uint_eq(update->prerequisite_count, 1);
    ck_assert_uint_eq(update->change_count, 1);
    ck_assert_str_eq(update->who, "key ddns. at 192.0.2.1@4242");
    ck_assert_uint_eq(lab.answers, 0);
    tell_updated(update->id + 1, RCODE_NOERROR); /* nobody's */
    ck_assert_uint_eq(lab.answers, 0);
    tell_updated(update->id, RCODE_YXDOMAIN);
    ck_assert_uint_eq(lab.answers, 1);
    struct lab_found found = lab_read();
    ck_assert_uint_eq(found.rcode, RCODE_YXDOMAIN);
    ck_assert_uint_eq(found.header.counts[SECTION_QUESTION], 1);
    ck_assert_uint_eq(found.header.counts[SECTION_ANSWER], 0);
    ck_assert_uint_eq(found.header.counts[SECTION_AUTHORITY], 0);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ck_assert_uint_eq(lab.desk.updates.count, 0);
    ck_assert_uint_eq(lab.desk.updates.octets, 0);
}
END_TEST

/* RFC 2136 section 3: whether the prerequisites hold comes before what is allowed. */
START_TEST(a_refusal_waits_for_prerequisites)
{
    make_update(NULL, &not_granted);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().rcode, RCODE_REFUSED);
    make_update(&name_in_use, &not_granted);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    ck_assert_uint_eq(lab.letter.update.refusal, RCODE_REFUSED);
    ck_assert_uint_eq(lab.letter.update.prerequisite_count, 1);
    ck_assert_uint_eq(lab.letter.update.change_count, 0);
    ck_assert_uint_eq(lab_metric(METRIC_UPDATES_REFUSED), 2);
}
END_TEST

START_TEST(an_address_alone_may_do_when_it_is_called_insecure)
{
    static const struct lab_record granted = {"any.plain.example.", TYPE_A, CLASS_IN, 60, 4,
                                              "\300\0\2\1"};

    for (unsigned i = 0; i < 2; i++) {
        lab_come_from(true, i ? "192.0.2.7" : "192.0.2.8", 53);
        lab_begin(&request, OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN);
        lab_add(&request, SECTION_AUTHORITY, &granted);
        ck_assert_int_eq(lab_take(&request), i ? TAKEN_WAITS : TAKEN_ANSWERED);
    }
    ck_assert_str_eq(lab.letter.update.who, "192.0.2.7@53 without a key");
    tell_updated(lab.letter.update.id, RCODE_NOERROR);
    ck_assert(!lab_read().has_tsig);
}
END_TEST

START_TEST(an_update_is_done_once)
{
    make_update(NULL, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    uint64_t id = lab.letter.update.id;
    ck_assert_int_eq(lab_take(&request), TAKEN_SILENT); /* by the same client: it is answered */
    lab_come_from(false, "192.0.2.1", 99);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS); /* by a connection, which waits as well */
    ck_assert_uint_eq(lab.letters, 1);
    tell_updated(id, RCODE_NOERROR);
    ck_assert_uint_eq(lab.answers, 2);
    lab_come_from(true, "192.0.2.66", 99); /* by somebody who has listened, and later */
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().rcode, RCODE_NOERROR);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ck_assert_uint_eq(lab.letters, 1);
    ck_assert_uint_eq(lab_metric(METRIC_UPDATES_REPEATED), 3);
    make_update(NULL, &add_address);
    request.octets[1]++; /* RFC 8945 section 5.3.2: the id may be changed on the way */
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab.letters, 1);
}
END_TEST

START_TEST(an_update_of_before_the_start_is_not_done)
{
    make_update(NULL, &add_address);
    lab_begin(&request, OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN);
    lab_add(&request, SECTION_AUTHORITY, &add_address);
    lab_sign_at(&request, "ddns.", -1);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert_uint_eq(found.rcode, RCODE_NOTAUTH);
    ck_assert_uint_eq(found.tsig_error, RCODE_BADTIME);
    ck_assert_uint_eq(found.mac_length, GOOD_MAC);
    ck_assert_int_eq(lab_check(&request), TSIG_BADTIME);
    ck_assert_uint_eq(lab.letters, 0);
}
END_TEST

/* What may or may not have been stored is not acknowledged, and not done again. */
START_TEST(a_keeper_that_dies_is_servfail)
{
    make_update(NULL, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    uint64_t id = lab.letter.update.id;
    if (_i) {
        lab.desk.now_ms += (uint64_t)lab.config.updates.deadline * 1000;
        pending_tick(&lab.desk);
        ck_assert_uint_eq(lab.answers, 0);
        lab.desk.now_ms += UPDATE_SIGNED_MS; /* the keeper may still be signing it */
        pending_tick(&lab.desk);
        ck_assert_uint_eq(lab.answers, 0);
        lab.desk.now_ms += 2000;
        pending_tick(&lab.desk);
    } else {
        pending_lost(&lab.desk);
    }
    ck_assert_uint_eq(lab.answers, 1);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    tell_updated(id, RCODE_NOERROR);
    ck_assert_uint_eq(lab.answers, 1);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
    ck_assert_uint_eq(lab.letters, 1);
}
END_TEST

/* Nothing was done: the same message may be tried again. */
START_TEST(overload_is_servfail_at_once)
{
    uint32_t queue = lab.config.updates.queue;

    lab.keeper_away = _i == 0;
    lab.config.updates.queue = _i == 1 ? 0 : queue;
    lab.config.updates.queue_size = _i == 2 ? 10 : lab.config.updates.queue_size;
    make_update(NULL, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
    ck_assert_uint_eq(lab_metric(METRIC_DESK_UNHEARD), 1);
    ck_assert_uint_eq(lab.desk.updates.count, 0);
    lab.keeper_away = false;
    lab.config.updates.queue = queue;
    lab.config.updates.queue_size = 1 << 20;
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
}
END_TEST

/* The key may be gone from the configuration when the answer comes. */
START_TEST(an_answer_is_signed_with_the_key_of_its_request)
{
    size_t keys = lab.config.tsig_count;

    make_update(NULL, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_WAITS);
    lab.config.tsig_count = 0;
    ck_assert_int_eq(desk_configure(&lab.desk, &lab.config), RESULT_OK);
    lab.config.tsig_count = keys;
    tell_updated(lab.letter.update.id, RCODE_NOERROR);
    ck_assert_uint_eq(lab_read().rcode, RCODE_NOERROR);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    make_update(NULL, &add_address);
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().tsig_error, RCODE_BADKEY);
}
END_TEST

/* ---- transfers -------------------------------------------------------------------------------*/

static enum taken ask_transfer(const char *address)
{
    lab_come_from(false, address, 4242);
    lab_begin(&request, OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN);
    lab_sign(&request, "xfer.");
    return lab_take(&request);
}

START_TEST(a_transfer_is_a_stream_of_signed_messages)
{
    uint8_t octets[MESSAGE_MAX_OCTETS];
    struct writer message = writer_over(octets, sizeof octets);

    ck_assert_int_eq(ask_transfer("192.0.2.1"), TAKEN_WAITS);
    ck_assert_ptr_nonnull(lab.stream);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_OPEN), 1);
    ck_assert_int_eq(stream_next(lab.stream, &message), TRANSFER_LAST);
    memcpy(lab.answer, message.octets, message.length);
    lab.answer_length = message.length;
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ck_assert_uint_eq(lab_read().header.counts[SECTION_ANSWER], 5 + LAB_BIG_STRINGS);
    stream_end(lab.stream);
    lab.stream = NULL;
    ck_assert_int_eq(lab.letter.kind, MESSAGE_SECONDARY);
    ck_assert_uint_eq(lab.letter.secondary.event, SECONDARY_TRANSFERRED);
    ck_assert_uint_eq(lab.letter.secondary.serial, 1);
    ck_assert_str_eq(lab.letter.secondary.address, "192.0.2.1");
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_OPEN), 0);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_CUT), 0);
}
END_TEST

/* In all, and for one address; who is not allowed any takes none of it. */
START_TEST(transfers_have_limits)
{
    struct stream *first, *second;

    lab.config.transfers.total = 2;
    lab.config.transfers.per_peer = 1;
    ck_assert_int_eq(ask_transfer("192.0.2.1"), TAKEN_WAITS);
    first = lab.stream;
    ck_assert_int_eq(ask_transfer("192.0.2.1"), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_read().rcode, RCODE_SERVFAIL);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_BUSY), 1);
    ck_assert_int_eq(ask_transfer("192.0.2.2"), TAKEN_WAITS);
    second = lab.stream;
    ck_assert_int_eq(ask_transfer("192.0.2.3"), TAKEN_ANSWERED);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_BUSY), 2);
    stream_end(first);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_CUT), 1);
    ck_assert_int_eq(ask_transfer("192.0.2.3"), TAKEN_WAITS);
    stream_end(second);
}
END_TEST

/* By datagram, without a journal: the SOA alone, which says something of a peer only when that has
 * the same serial. */
static const struct {
    const char *what;
    const char *soa; /* RDATA */
    unsigned letters;
} polls[] = {
    {"up to date", "\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1},
    {"behind", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0},
    {"ahead", "\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0},
};

START_TEST(a_difference_by_datagram)
{
    const struct lab_record soa = {"plain.example.", TYPE_SOA, CLASS_IN, 0, 22, polls[_i].soa};

    lab_begin(&request, OPCODE_QUERY, "plain.example.", TYPE_IXFR, CLASS_IN);
    lab_add(&request, SECTION_AUTHORITY, &soa);
    lab_sign(&request, "xfer.");
    ck_assert_int_eq(lab_take(&request), TAKEN_ANSWERED);
    struct lab_found found = lab_read();
    ck_assert_uint_eq(found.rcode, RCODE_NOERROR);
    ck_assert_uint_eq(found.header.counts[SECTION_ANSWER], 1);
    ck_assert_int_eq(lab_check(&request), TSIG_GOOD);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_OPEN), 0);
    ck_assert_msg(lab.letters == polls[_i].letters, "%s: %u letters", polls[_i].what, lab.letters);
    if (lab.letters)
        ck_assert_uint_eq(lab.letter.secondary.event, SECONDARY_ASKED);
}
END_TEST

static void add_updates(TCase *updates)
{
    tcase_add_test(updates, an_update_goes_to_the_keeper_and_back);
    tcase_add_test(updates, a_refusal_waits_for_prerequisites);
    tcase_add_test(updates, an_address_alone_may_do_when_it_is_called_insecure);
    tcase_add_test(updates, an_update_is_done_once);
    tcase_add_test(updates, an_update_of_before_the_start_is_not_done);
    tcase_add_loop_test(updates, a_keeper_that_dies_is_servfail, 0, 2);
    tcase_add_loop_test(updates, overload_is_servfail_at_once, 0, 3);
    tcase_add_test(updates, an_answer_is_signed_with_the_key_of_its_request);
}

int main(void)
{
    Suite *suite = suite_create("desk/request");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, lab_open, lab_close);
    tcase_add_loop_test(all, tsig_is_judged, 0, COUNT(tsig_rows));
    tcase_add_loop_test(all, is_answered, 0, COUNT(rows));
    tcase_add_test(all, what_follows_an_unknown_opcode_is_not_judged);
    tcase_add_test(all, what_is_no_request_is_not_answered);
    tcase_add_test(all, a_message_that_is_cut_is_malformed);
    tcase_add_test(all, room_for_the_tsig_is_kept);
    tcase_add_test(all, an_answer_that_just_does_not_fit_is_truncated);
    tcase_add_test(all, a_signature_that_is_refused_is_servfail);
    tcase_add_test(all, a_signature_that_does_not_come_is_servfail);
    tcase_add_test(all, what_is_missing_again_is_asked_for_again);
    tcase_add_test(all, a_keeper_that_comes_is_asked);
    add_updates(all);
    tcase_add_test(all, a_transfer_is_a_stream_of_signed_messages);
    tcase_add_test(all, transfers_have_limits);
    tcase_add_loop_test(all, a_difference_by_datagram, 0, COUNT(polls));
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
