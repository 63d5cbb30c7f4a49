/* test_ipc_message.c - each message of each table comes back as it was sent, and nothing else does.
 */
#include "avow/ipc/message.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

/* ---- filling and comparing any message, by its table ---------------------------------------- */

/* Pseudo-random, the same on each run. */
static uint64_t turn(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const uint8_t many[3000] = {1, 2, 3, 0, 255};

static void fill_u8(uint64_t *state, uint8_t *value)
{
    *value = (uint8_t)turn(state);
}
static void fill_u16(uint64_t *state, uint16_t *value)
{
    *value = (uint16_t)turn(state);
}
static void fill_u32(uint64_t *state, uint32_t *value)
{
    *value = (uint32_t)turn(state);
}
static void fill_u64(uint64_t *state, uint64_t *value)
{
    *value = turn(state);
}

static void fill_octets(uint64_t *state, struct span *value)
{
    *value = span_of(many, turn(state) % sizeof many);
}

static void fill_text(uint64_t *state, const char **value)
{
    static const char *const texts[] = {"", "a", "two words", "\xc3\xa9 and \x01"};
    *value = texts[turn(state) % COUNT(texts)];
}

static void fill_name(uint64_t *state, struct name *value)
{
    static const char *const names[] = {".", "example.", "A.b.C.example.", "\\000.x."};
    ck_assert_int_eq(name_from_string(names[turn(state) % COUNT(names)], value), RESULT_OK);
}

static void fill_fd(uint64_t *state, int *value)
{
    *value = turn(state) % 4 == 0 ? -1 : (int)(turn(state) % 100 + 1000);
}

static void same_u8(uint8_t a, uint8_t b)
{
    ck_assert_uint_eq(a, b);
}
static void same_u16(uint16_t a, uint16_t b)
{
    ck_assert_uint_eq(a, b);
}
static void same_u32(uint32_t a, uint32_t b)
{
    ck_assert_uint_eq(a, b);
}
static void same_u64(uint64_t a, uint64_t b)
{
    ck_assert_uint_eq(a, b);
}
static void same_text(const char *a, const char *b)
{
    ck_assert_str_eq(a, b);
}
static void same_fd(int a, int b)
{
    ck_assert_int_eq(a, b);
}

static void same_octets(struct span a, struct span b)
{
    ck_assert_uint_eq(a.length, b.length);
    ck_assert_int_eq(memcmp(a.octets, b.octets, a.length), 0);
}

static void same_name(struct name a, struct name b)
{
    ck_assert_uint_eq(a.length, b.length);
    ck_assert_uint_eq(a.labels, b.labels);
    ck_assert_int_eq(memcmp(a.octets, b.octets, a.length), 0);
}

#define FILL(kind, field) fill_##kind(state, &message->field);
#define SAME(kind, field) same_##kind(a->field, b->field);
#define FUNCTIONS(link, sender, NAME, name)                                                        \
    static void fill_message_##name(uint64_t *state, struct message_##name *message)               \
    {                                                                                              \
        (void)state, (void)message;                                                                \
        FIELDS_##name(FILL)                                                                        \
    }                                                                                              \
    static void same_message_##name(const struct message_##name *a,                                \
                                    const struct message_##name *b)                                \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        FIELDS_##name(SAME)                                                                        \
    }
MESSAGES(FUNCTIONS)

static void fill(enum message_kind kind, uint64_t *state, struct message *message)
{
    memset(message, 0, sizeof *message);
    message->kind = kind;
    switch (kind) {
#define FILL_CASE(link, sender, NAME, name)                                                        \
    case MESSAGE_##NAME:                                                                           \
        fill_message_##name(state, &message->name);                                                \
        break;
        MESSAGES(FILL_CASE)
    case MESSAGE_KINDS:
        break;
    }
}

static void compare(const struct message *a, const struct message *b)
{
    ck_assert_int_eq(a->kind, b->kind);
    switch (a->kind) {
#define SAME_CASE(link, sender, NAME, name)                                                        \
    case MESSAGE_##NAME:                                                                           \
        same_message_##name(&a->name, &b->name);                                                   \
        break;
        MESSAGES(SAME_CASE)
    case MESSAGE_KINDS:
        break;
    }
}

/* The descriptors above are only numbers: forget them, so that nobody closes them. */
static void forget_descriptors(struct frame *frame)
{
    frame->descriptor_count = 0;
    frame_free(frame);
}

/* Read the first `length` octets of a frame from a heap copy of exactly that size. */
static enum result read_cut(const struct frame *frame, size_t length)
{
    size_t head = offsetof(struct frame, octets);
    struct frame *cut = malloc(head + length + 1);
    struct message message;

    ck_assert_ptr_nonnull(cut);
    memcpy((void *)cut, frame, head + length);
    cut->length = length;
    enum result result = message_read(cut, &message);
    free(cut);
    return result;
}

START_TEST(comes_back_as_sent)
{
    uint64_t state = 88172645463325252u + (unsigned)_i;
    struct frame *frame = frame_make();

    for (int round = 0; round < 50; round++) {
        struct message sent, got;
        fill((enum message_kind)_i, &state, &sent);
        ck_assert_int_eq(message_write(&sent, frame), RESULT_OK);
        ck_assert_msg(message_read(frame, &got) == RESULT_OK, "%s", message_name(sent.kind));
        compare(&sent, &got);
    }
    forget_descriptors(frame);
}
END_TEST

START_TEST(no_part_of_it_is_a_message)
{
    uint64_t state = 7 + (unsigned)_i;
    struct frame *frame = frame_make();
    struct message sent;

    fill((enum message_kind)_i, &state, &sent);
    ck_assert_int_eq(message_write(&sent, frame), RESULT_OK);
    for (size_t length = 0; length < frame->length; length++)
        ck_assert_msg(read_cut(frame, length) == RESULT_FORMAT, "%s cut to %zu",
                      message_name(sent.kind), length);
    ck_assert_int_eq(read_cut(frame, frame->length), RESULT_OK);
    frame->octets[frame->length] = 0;
    ck_assert_msg(read_cut(frame, frame->length + 1) == RESULT_FORMAT, "%s and one octet more",
                  message_name(sent.kind));
    forget_descriptors(frame);
}
END_TEST

START_TEST(descriptors_must_be_as_many_as_said)
{
    uint64_t state = 99 + (unsigned)_i;
    struct frame *frame = frame_make();
    struct message message;

    fill((enum message_kind)_i, &state, &message);
    ck_assert_int_eq(message_write(&message, frame), RESULT_OK);
    unsigned count = frame->descriptor_count;
    frame->descriptors[1] = 77;
    frame->descriptor_count = count + 1;
    ck_assert_int_eq(message_read(frame, &message), RESULT_FORMAT);
    if (count > 0) {
        frame->descriptor_count = count - 1;
        ck_assert_int_eq(message_read(frame, &message), RESULT_FORMAT);
    }
    forget_descriptors(frame);
}
END_TEST

START_TEST(random_octets_do_no_harm)
{
    uint64_t state = 424242;
    struct frame *frame = frame_make();

    for (int round = 0; round < 200000; round++) {
        struct message message;
        frame->length = turn(&state) % 64;
        for (size_t i = 0; i < frame->length; i++)
            frame->octets[i] = (uint8_t)(turn(&state) % (i < 2 ? 8 : 4));
        enum result result = read_cut(frame, frame->length);
        ck_assert_int_eq(message_read(frame, &message), result);
    }
    forget_descriptors(frame);
}
END_TEST

static const struct {
    const char *what;
    size_t length;
    uint8_t octets[16];
} bad[] = {
    {"nothing", 0, {0}},
    {"a link only", 1, {LINK_ROOM}},
    {"a link that does not exist", 2, {LINK_COUNT, 0}},
    {"a message that the link does not have", 2, {LINK_WANTED, 200}},
    {"a length beyond the frame", 7, {LINK_CONTROL, 1, 0xff, 0xff, 0xff, 0xff, 'x'}},
    {"a text without its end", 7, {LINK_ROOM, 10, 0, 0, 0, 1, 'x'}},
    {"a text of no octets", 6, {LINK_ROOM, 10, 0, 0, 0, 0}},
    {"a text with two ends", 8, {LINK_ROOM, 10, 0, 0, 0, 2, 0, 0}},
    {"a descriptor neither there nor not", 5, {LINK_ROOM, 1, 0, 0, 2}},
};

START_TEST(is_refused)
{
    struct frame *frame = frame_make();

    frame->length = bad[_i].length;
    memcpy(frame->octets, bad[_i].octets, bad[_i].length);
    ck_assert_msg(read_cut(frame, bad[_i].length) == RESULT_FORMAT, "%s", bad[_i].what);
    frame_free(frame);
}
END_TEST

START_TEST(too_long_is_said)
{
    static const uint8_t large[FRAME_MAX_OCTETS];
    struct frame *frame = frame_make();
    struct message message = {.kind = MESSAGE_CHUNK,
                              .chunk = {.text = span_of(large, sizeof large)}};

    ck_assert_int_eq(message_write(&message, frame), RESULT_FULL);
    message.chunk.text.length = MESSAGE_PIECE_OCTETS;
    ck_assert_int_eq(message_write(&message, frame), RESULT_OK);
    frame_free(frame);
}
END_TEST

START_TEST(a_descriptor_is_taken_once)
{
    struct frame *frame = frame_make();
    int one = open("/dev/null", O_RDONLY | O_CLOEXEC),
        two = open("/dev/null", O_RDONLY | O_CLOEXEC);

    frame->descriptor_count = 2;
    frame->descriptors[0] = one;
    frame->descriptors[1] = two;
    ck_assert_int_eq(message_take(frame, one), one);
    ck_assert_int_eq(message_take(frame, one), -1);
    ck_assert_int_eq(message_take(frame, -1), -1);
    frame_free(frame);
    ck_assert_int_ge(fcntl(one, F_GETFD), 0);  /* ours */
    ck_assert_int_eq(fcntl(two, F_GETFD), -1); /* closed with the frame */
    close(one);
}
END_TEST

/* ---- packed forms --------------------------------------------------------------------------- */

static const uint8_t run_octets[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};

static struct sign_job a_job(void)
{
    struct sign_job job = {.job = 0x1122334455667788,
                           .key_count = 2,
                           .keys = {7, 9},
                           .inception = 1000,
                           .expiration = 2000,
                           .type = 1,
                           .ttl = 300,
                           .rdata = {run_octets, sizeof run_octets, 2}};
    ck_assert_int_eq(name_from_string("www.Example.", &job.owner), RESULT_OK);
    return job;
}

START_TEST(a_job_comes_back)
{
    uint8_t octets[512];
    struct writer writer = writer_over(octets, sizeof octets);
    struct sign_job sent = a_job(), got;

    sign_job_write(&writer, &sent);
    ck_assert_int_eq(writer_check(&writer), RESULT_OK);
    struct reader reader = reader_over(octets, writer.length);
    sign_job_read(&reader, &got);
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    ck_assert_uint_eq(got.job, sent.job);
    ck_assert_uint_eq(got.key_count, 2);
    ck_assert_uint_eq(got.keys[1], 9);
    ck_assert_uint_eq(got.inception, 1000);
    ck_assert_uint_eq(got.expiration, 2000);
    ck_assert_uint_eq(got.type, 1);
    ck_assert_uint_eq(got.ttl, 300);
    ck_assert(name_equal(&got.owner, &sent.owner));
    ck_assert_uint_eq(got.rdata.count, 2);
    ck_assert_uint_eq(got.rdata.length, sizeof run_octets);
    ck_assert_int_eq(memcmp(got.rdata.octets, run_octets, sizeof run_octets), 0);

    for (size_t length = 0; length < writer.length; length++) {
        uint8_t *cut = exact_copy(octets, length);
        struct reader part = reader_over(cut, length);
        sign_job_read(&part, &got);
        ck_assert_int_eq(reader_finish(&part), RESULT_FORMAT);
        free(cut);
    }
}
END_TEST

START_TEST(a_bad_job_is_refused)
{
    uint8_t octets[512];
    struct sign_job job = a_job(), got;

    switch (_i) {
    case 0:
        job.key_count = 0;
        break;
    case 1:
        job.key_count = SIGN_JOB_KEYS + 1;
        break;
    case 2:
        job.rdata.count = 3; /* the run holds two */
        break;
    case 3:
        job.rdata.count = 1;
        break;
    default:
        job.rdata = (struct rdata_run){run_octets, 0, 0};
        break;
    }
    struct writer writer = writer_over(octets, sizeof octets);
    sign_job_write(&writer, &job);
    struct reader reader = reader_over(octets, writer.length);
    sign_job_read(&reader, &got);
    ck_assert_int_eq(reader_finish(&reader), RESULT_FORMAT);
}
END_TEST

START_TEST(a_result_comes_back)
{
    uint8_t octets[512];
    struct writer writer = writer_over(octets, sizeof octets);
    struct sign_result sent = {.job = 5,
                               .outcome = SIGNING_TOKEN,
                               .signatures = {run_octets, sizeof run_octets, 2},
                               .text = "CKR_DEVICE_REMOVED"};
    struct sign_result got;

    sign_result_write(&writer, &sent);
    struct reader reader = reader_over(octets, writer.length);
    sign_result_read(&reader, &got);
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    ck_assert_uint_eq(got.job, 5);
    ck_assert_uint_eq(got.outcome, SIGNING_TOKEN);
    ck_assert_uint_eq(got.signatures.count, 2);
    ck_assert_str_eq(got.text, "CKR_DEVICE_REMOVED");

    octets[8] = SIGNING_OUTCOMES;
    reader = reader_over(octets, writer.length);
    sign_result_read(&reader, &got);
    ck_assert_int_eq(reader_finish(&reader), RESULT_FORMAT);
}
END_TEST

START_TEST(arguments_come_back)
{
    struct buffer buffer = {0};

    arguments_add(&buffer, "zone");
    arguments_add(&buffer, "");
    arguments_add(&buffer, "status");
    struct reader reader = reader_over(buffer.octets, buffer.length);
    ck_assert_str_eq(arguments_next(&reader), "zone");
    ck_assert_str_eq(arguments_next(&reader), "");
    ck_assert_str_eq(arguments_next(&reader), "status");
    ck_assert_ptr_null(arguments_next(&reader));
    ck_assert(!reader.failed);

    reader = reader_over(buffer.octets, buffer.length - 1); /* the last end is missing */
    while (arguments_next(&reader))
        ;
    ck_assert(reader.failed);
    buffer_free(&buffer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ipc/message");
    TCase *messages = tcase_create("messages");
    TCase *packed = tcase_create("packed");

    tcase_add_loop_test(messages, comes_back_as_sent, 0, MESSAGE_KINDS);
    tcase_add_loop_test(messages, no_part_of_it_is_a_message, 0, MESSAGE_KINDS);
    tcase_add_loop_test(messages, descriptors_must_be_as_many_as_said, 0, MESSAGE_KINDS);
    tcase_add_loop_test(messages, is_refused, 0, COUNT(bad));
    tcase_add_test(messages, random_octets_do_no_harm);
    tcase_add_test(messages, too_long_is_said);
    tcase_add_test(messages, a_descriptor_is_taken_once);
    tcase_add_test(packed, a_job_comes_back);
    tcase_add_loop_test(packed, a_bad_job_is_refused, 0, 5);
    tcase_add_test(packed, a_result_comes_back);
    tcase_add_test(packed, arguments_come_back);
    suite_add_tcase(suite, messages);
    suite_add_tcase(suite, packed);
    return run_suite(suite);
}
