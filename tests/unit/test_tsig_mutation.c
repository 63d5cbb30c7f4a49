/*
 * test_tsig_mutation.c - signed messages with octets changed at random: none is accepted that is
 * not equivalent to the one that was signed.
 *
 * What a MAC does not cover is the ID in the header (the original ID is covered), and of the names
 * of key and algorithm the case and the compression. 100,000 mutations; with AVOW_CAMPAIGN set in
 * the environment 1,000,000.
 */
#include <stdio.h>

#include "tsig_lab.h"

enum { FEW = 100000, MANY = 1000000, REQUESTS = COUNT(vector_requests) };

struct original {
    const struct vector_message *message;
    bool is_answer;
    struct tsig_session session; /* of the request that it answers */
};

/* All that the MAC covers, in one form whatever form it had. */
struct covered {
    uint8_t octets[2 * LAB_MESSAGE_OCTETS];
    size_t length;
};

static void write_lower(struct writer *writer, struct name *name)
{
    name_lower(name);
    name_write(writer, name);
}

/* The floors below are enough for this; nothing of the code under test is used. */
static struct covered covered_of(const uint8_t *octets, size_t length)
{
    static struct covered covered;
    struct reader message = reader_over(octets, length);
    struct writer writer = writer_over(covered.octets, sizeof covered.octets);
    struct header header;
    struct question question;
    struct record record;
    struct name algorithm;
    size_t start = 0;

    header_read(&message, &header);
    for (unsigned i = 0; i < header.counts[SECTION_QUESTION]; i++)
        question_read(&message, &question);
    unsigned records = (unsigned)header.counts[SECTION_ANSWER] + header.counts[SECTION_AUTHORITY] +
                       header.counts[SECTION_ADDITIONAL];
    for (unsigned i = 0; i < records; i++) {
        start = (size_t)(message.at - message.start);
        record_read(&message, &record);
    }
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    writer_add(&writer, octets + 2, start - 2);
    write_lower(&writer, &record.owner);
    writer_u16(&writer, record.type);
    writer_u16(&writer, record.class_);
    writer_u32(&writer, record.ttl);
    name_read(&record.rdata, &algorithm);
    write_lower(&writer, &algorithm);
    size_t rest = reader_left(&record.rdata);
    writer_add(&writer, reader_take(&record.rdata, rest), rest);
    ck_assert_int_eq(writer_check(&writer), RESULT_OK);
    covered.length = writer.length;
    return covered;
}

static bool is_letter(uint8_t octet)
{
    return (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
}

/* One change. A third of them hit the TSIG, which is the end of the message; some the ID. */
static void mutate(struct lab_message *message, uint64_t *state)
{
    uint64_t number = next_number(state);
    size_t tail = message->length < 120 ? message->length : 120;
    size_t at = number % 3 ? number % 0x7fffffff % message->length
                           : message->length - 1 - number % 0x7fffffff % tail;
    uint8_t octet = (uint8_t)(number >> 40);

    switch (number >> 48 & 7) {
    case 0:
        message->octets[at] = octet;
        break;
    case 1:
        lab_splice(message, number >> 56 & 15 ? at : message->length, 0, &octet, 1);
        break;
    case 2:
        lab_splice(message, at, 1, "", 0);
        break;
    case 3:
        message->octets[at] = (uint8_t)(message->octets[at] + (octet & 1 ? 1 : -1));
        break;
    case 4: /* the case of a letter, wherever the next one is */
        while (at < message->length - 1 && !is_letter(message->octets[at]))
            at++;
        message->octets[at] ^= 0x20;
        break;
    case 5:
        message->octets[octet % 12] ^= (uint8_t)(1 << (octet >> 4 & 7));
        break;
    case 6: /* an octet from elsewhere */
        message->octets[at] = message->octets[octet % message->length];
        break;
    default:
        message->octets[at] ^= (uint8_t)(1 << (octet & 7));
    }
}

static enum tsig_outcome check(const struct tsig_keyring *keyring, const struct original *original,
                               const struct lab_message *message)
{
    struct tsig_session session = original->session;
    size_t plain;

    if (!original->is_answer)
        return lab_check(keyring, message, VECTORS_NOW, &session, &plain);
    uint8_t *octets = exact_copy(message->octets, message->length);
    enum tsig_outcome outcome =
        tsig_check_answer(keyring, octets, message->length, VECTORS_NOW, &session);
    free(octets);
    return outcome;
}

static size_t gather(const struct tsig_keyring *keyring, struct original *originals)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT(vector_requests); i++)
        originals[count++] = (struct original){.message = &vector_requests[i].request};
    for (size_t i = 0; i < COUNT(vector_answers); i++) {
        struct lab_message request = lab_copy(&vector_answers[i].request);
        struct original *original = &originals[count++];
        size_t plain;
        *original = (struct original){.message = &vector_answers[i].answer, .is_answer = true};
        ck_assert_int_eq(lab_check(keyring, &request, VECTORS_NOW, &original->session, &plain),
                         TSIG_GOOD);
    }
    return count;
}

static void print_counts(const unsigned *counts)
{
    static const char *const names[] = {"absent", "good",     "malformed", "badkey",
                                        "badsig", "badtrunc", "badtime"};

    for (size_t i = 0; i < COUNT(names); i++)
        (void)printf("%s %u%s", names[i], counts[i], i + 1 < COUNT(names) ? ", " : "");
    (void)printf("; all %u good ones equivalent to what was signed\n", counts[TSIG_GOOD]);
}

START_TEST(accepts_nothing_but_what_was_signed)
{
    static struct original originals[REQUESTS + COUNT(vector_answers)];
    unsigned counts[TSIG_BADTIME + 1] = {0}, mutations = getenv("AVOW_CAMPAIGN") ? MANY : FEW;
    struct tsig_keyring keyring;
    uint64_t state = 8945;

    lab_keyring_open(&keyring);
    size_t count = gather(&keyring, originals);
    for (unsigned i = 0; i < mutations; i++) {
        const struct original *original = &originals[i % count];
        struct lab_message message = lab_copy(original->message);
        for (uint64_t changes = 1 + next_number(&state) % 4 / 3 * 2; changes > 0; changes--)
            mutate(&message, &state);
        enum tsig_outcome outcome = check(&keyring, original, &message);
        counts[outcome]++;
        if (outcome != TSIG_GOOD)
            continue;
        struct covered was = covered_of(original->message->octets, original->message->length);
        struct covered is = covered_of(message.octets, message.length);
        ck_assert_msg(was.length == is.length && memcmp(was.octets, is.octets, is.length) == 0,
                      "mutation %u was accepted", i);
    }
    tsig_keyring_close(&keyring);
    print_counts(counts);
    /* Some of each, or the test does not test. */
    ck_assert_uint_gt(counts[TSIG_GOOD], mutations / 1000);
    ck_assert_uint_gt(counts[TSIG_BADSIG], mutations / 10);
    ck_assert_uint_gt(counts[TSIG_MALFORMED], mutations / 10);
    ck_assert_uint_gt(counts[TSIG_BADKEY], mutations / 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tsig/mutation");
    TCase *mutation = tcase_create("mutation");

    tcase_set_timeout(mutation, 0);
    tcase_add_test(mutation, accepts_nothing_but_what_was_signed);
    suite_add_tcase(suite, mutation);
    return run_suite(suite);
}
