/* test_ipc_channel.c - frames arrive whole and in order, queues are bounded, wrong senders refused.
 */
#include "avow/ipc/channel.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/ipc/dispatch.h"
#include "support.h"

/* ---- one end in a loop ---------------------------------------------------------------------- */

struct end {
    struct channel *channel;
    uint64_t frames;
    uint64_t next_id;
    unsigned closed;
    unsigned drained;
    unsigned lost;
    bool free_on_frame;
    int descriptor; /* the last that came along */
};

static void take_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct end *end = context;
    struct message message;

    ck_assert_int_eq(message_read(frame, &message), RESULT_OK);
    end->frames++;
    if (message.kind == MESSAGE_STORED) {
        ck_assert_uint_eq(message.stored.id, end->next_id);
        end->next_id++;
    }
    if (message.kind == MESSAGE_PEER) {
        if (end->descriptor >= 0)
            close(end->descriptor);
        end->descriptor = message_take(frame, message.peer.descriptor);
    }
    if (end->free_on_frame) {
        end->channel = NULL;
        channel_free(channel);
    }
}

static void take_closed(void *context, struct channel *channel)
{
    struct end *end = context;
    (void)channel;
    end->closed++;
}

static void take_drained(void *context, struct channel *channel)
{
    struct end *end = context;
    (void)channel;
    end->drained++;
}

static void take_lost(void *context, struct channel *channel)
{
    struct end *end = context;
    (void)channel;
    end->lost++;
}

static const struct channel_events events = {take_frame, take_closed, take_drained, take_lost};

struct fixture {
    struct ev_loop *loop;
    int ends[2];
    struct end a, b;
};

static void set_up(struct fixture *fixture, struct channel_bounds bounds)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
    ck_assert_ptr_nonnull(fixture->loop);
    ck_assert_int_eq(channel_pair(fixture->ends), RESULT_OK);
    fixture->a.channel =
        channel_open(fixture->loop, fixture->ends[0], &events, &fixture->a, bounds);
    ck_assert_ptr_nonnull(fixture->a.channel);
    fixture->a.descriptor = fixture->b.descriptor = -1;
}

static void open_b(struct fixture *fixture)
{
    fixture->b.channel = channel_open(fixture->loop, fixture->ends[1], &events, &fixture->b,
                                      (struct channel_bounds){0});
    ck_assert_ptr_nonnull(fixture->b.channel);
}

static void tear_down(struct fixture *fixture)
{
    channel_free(fixture->a.channel);
    channel_free(fixture->b.channel);
    ev_loop_destroy(fixture->loop);
}

static struct message stored(uint64_t id)
{
    return (struct message){.kind = MESSAGE_STORED, .stored = {.id = id}};
}

START_TEST(a_queue_is_bounded_and_keeps_its_order)
{
    struct fixture fixture;
    uint64_t sent = 0;

    set_up(&fixture, (struct channel_bounds){.messages = 100});
    for (;;) {
        struct message message = stored(sent);
        if (channel_send(fixture.a.channel, &message))
            break;
        sent++;
        ck_assert_uint_lt(sent, 1000000);
    }
    ck_assert_uint_eq(channel_queued_messages(fixture.a.channel), 100);
    ck_assert_uint_gt(channel_queued_octets(fixture.a.channel), 0);

    open_b(&fixture);
    while (fixture.b.frames < sent)
        ev_run(fixture.loop, EVRUN_ONCE);
    ck_assert_uint_eq(fixture.b.next_id, sent);
    ck_assert_uint_eq(fixture.a.drained, 1);
    ck_assert_uint_eq(channel_queued_messages(fixture.a.channel), 0);
    tear_down(&fixture);
}
END_TEST

START_TEST(octets_are_bounded_too)
{
    static const uint8_t large[60000];
    struct fixture fixture;
    struct message message = {.kind = MESSAGE_CHUNK,
                              .chunk = {.text = span_of(large, sizeof large)}};
    unsigned sent = 0;

    set_up(&fixture, (struct channel_bounds){.octets = 200000});
    while (channel_send(fixture.a.channel, &message) == RESULT_OK)
        sent++;
    ck_assert_uint_eq(channel_queued_messages(fixture.a.channel), 3);
    open_b(&fixture);
    while (fixture.b.frames < sent)
        ev_run(fixture.loop, EVRUN_ONCE);
    tear_down(&fixture);
}
END_TEST

START_TEST(the_longest_frame_arrives)
{
    static const uint8_t large[MESSAGE_PIECE_OCTETS];
    struct fixture fixture;
    struct message message = {.kind = MESSAGE_CHUNK,
                              .chunk = {.text = span_of(large, sizeof large)}};

    set_up(&fixture, (struct channel_bounds){0});
    open_b(&fixture);
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    while (fixture.b.frames < 1)
        ev_run(fixture.loop, EVRUN_ONCE);
    tear_down(&fixture);
}
END_TEST

START_TEST(a_descriptor_waits_in_the_queue_as_a_copy)
{
    struct fixture fixture;
    uint64_t sent = 0;
    int ends[2];

    set_up(&fixture, (struct channel_bounds){0});
    do {
        struct message message = stored(sent++);
        ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    } while (channel_queued_messages(fixture.a.channel) == 0);

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    struct message peer = {.kind = MESSAGE_PEER,
                           .peer = {.room = ROOM_FRONT, .descriptor = ends[1]}};
    ck_assert_int_eq(channel_send(fixture.a.channel, &peer), RESULT_OK);
    close(ends[1]);

    open_b(&fixture);
    while (fixture.b.descriptor < 0)
        ev_run(fixture.loop, EVRUN_ONCE);
    ck_assert_int_eq(write(fixture.b.descriptor, "x", 1), 1);
    char got;
    ck_assert_int_eq(read(ends[0], &got, 1), 1);
    ck_assert_int_eq(got, 'x');
    close(ends[0]);
    close(fixture.b.descriptor);
    tear_down(&fixture);
}
END_TEST

START_TEST(descriptors_are_bounded_too)
{
    struct fixture fixture;
    uint64_t sent = 0;
    int ends[2];

    set_up(&fixture, (struct channel_bounds){.descriptors = 3});
    do {
        struct message message = stored(sent++);
        ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    } while (channel_queued_messages(fixture.a.channel) == 0);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    struct message peer = {.kind = MESSAGE_PEER,
                           .peer = {.room = ROOM_FRONT, .descriptor = ends[1]}};
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(channel_send(fixture.a.channel, &peer), RESULT_OK);
    ck_assert_int_eq(channel_send(fixture.a.channel, &peer), RESULT_FULL);
    struct message message = stored(sent); /* what has none still finds room */
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);

    open_b(&fixture);
    while (fixture.b.frames < sent + 4)
        ev_run(fixture.loop, EVRUN_ONCE);
    for (unsigned i = 0; i < 2; i++) { /* they have left, and make room */
        ck_assert_int_eq(channel_send(fixture.a.channel, &peer), RESULT_OK);
        ev_run(fixture.loop, EVRUN_ONCE);
    }
    close(ends[0]);
    close(ends[1]);
    close(fixture.b.descriptor);
    tear_down(&fixture);
}
END_TEST

/* A descriptor comes and there is no place for it: that is said, and what follows arrives. */
START_TEST(a_letter_that_loses_its_descriptor_is_lost)
{
    struct fixture fixture;
    struct rlimit before, none;
    struct message peer = {.kind = MESSAGE_PEER,
                           .peer = {.room = ROOM_FRONT, .descriptor = STDERR_FILENO}};
    struct message message = stored(0);

    set_up(&fixture, (struct channel_bounds){0});
    open_b(&fixture);
    ck_assert_int_eq(channel_send(fixture.a.channel, &peer), RESULT_OK);
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (fixture.b.frames + fixture.b.lost < 2)
        ev_run(fixture.loop, EVRUN_ONCE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(fixture.b.lost, 1);
    ck_assert_uint_eq(fixture.b.next_id, 1);
    ck_assert_int_lt(fixture.b.descriptor, 0);
    tear_down(&fixture);
}
END_TEST

START_TEST(the_end_is_told_once)
{
    struct fixture fixture;
    struct message message = stored(0);

    set_up(&fixture, (struct channel_bounds){0});
    close(fixture.ends[1]);
    if (_i == 0) /* found out when sending */
        ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_SYSTEM);
    for (int i = 0; i < 5; i++)
        ev_run(fixture.loop, EVRUN_NOWAIT);
    ck_assert_uint_eq(fixture.a.closed, 1);
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_SYSTEM);
    tear_down(&fixture);
}
END_TEST

START_TEST(a_channel_may_end_inside_its_event)
{
    struct fixture fixture;
    struct message message = stored(0);

    set_up(&fixture, (struct channel_bounds){0});
    open_b(&fixture);
    fixture.b.free_on_frame = true;
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    while (fixture.a.closed == 0)
        ev_run(fixture.loop, EVRUN_ONCE);
    ck_assert_uint_eq(fixture.b.frames, 1);
    tear_down(&fixture);
}
END_TEST

START_TEST(a_pause_holds_the_other_end_back)
{
    struct fixture fixture;
    struct message message = stored(0);

    set_up(&fixture, (struct channel_bounds){0});
    open_b(&fixture);
    channel_pause(fixture.b.channel);
    ck_assert_int_eq(channel_send(fixture.a.channel, &message), RESULT_OK);
    ev_run(fixture.loop, EVRUN_NOWAIT);
    ck_assert_uint_eq(fixture.b.frames, 0);
    channel_resume(fixture.b.channel);
    while (fixture.b.frames == 0)
        ev_run(fixture.loop, EVRUN_ONCE);
    tear_down(&fixture);
}
END_TEST

/* ---- threads on a bare descriptor ----------------------------------------------------------- */

enum { THREADS = 4, LETTERS = 20000 };

struct workers {
    int descriptor;
    _Atomic uint64_t sum;
};

/* As the signer's pool does: take a job, send its result. */
static void *work(void *context)
{
    struct workers *workers = context;
    struct frame *frame = frame_make();
    struct message message;

    while (letter_receive(workers->descriptor, frame, LETTER_WAIT) == LETTER_DONE) {
        ck_assert_int_eq(message_read(frame, &message), RESULT_OK);
        struct message reply = {.kind = MESSAGE_NOT_STORED,
                                .not_stored = {.id = message.stored.id}};
        ck_assert_int_eq(letter_send(workers->descriptor, &reply, frame, LETTER_WAIT), LETTER_DONE);
    }
    frame_free(frame);
    return NULL;
}

static void *collect(void *context)
{
    struct workers *workers = context;
    struct frame *frame = frame_make();
    struct message message;

    for (int i = 0; i < LETTERS; i++) {
        ck_assert_int_eq(letter_receive(workers->descriptor, frame, LETTER_WAIT), LETTER_DONE);
        ck_assert_int_eq(message_read(frame, &message), RESULT_OK);
        ck_assert_int_eq(message.kind, MESSAGE_NOT_STORED);
        workers->sum += message.not_stored.id;
    }
    frame_free(frame);
    return NULL;
}

START_TEST(threads_share_a_socket)
{
    int ends[2];
    pthread_t pool[THREADS], collector;
    struct frame *frame = frame_make();

    ck_assert_int_eq(channel_pair(ends), RESULT_OK);
    struct workers inside = {.descriptor = ends[1]}, outside = {.descriptor = ends[0]};
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&pool[i], NULL, work, &inside), 0);
    ck_assert_int_eq(pthread_create(&collector, NULL, collect, &outside), 0);
    for (uint64_t i = 0; i < LETTERS; i++) {
        struct message message = stored(i);
        ck_assert_int_eq(letter_send(ends[0], &message, frame, LETTER_WAIT), LETTER_DONE);
    }
    pthread_join(collector, NULL);
    ck_assert_uint_eq(outside.sum, (uint64_t)LETTERS * (LETTERS - 1) / 2); /* each exactly once */

    ck_assert_int_eq(letter_receive(ends[0], frame, LETTER_NOW), LETTER_BUSY);
    shutdown(ends[0], SHUT_RDWR);
    for (int i = 0; i < THREADS; i++)
        pthread_join(pool[i], NULL);
    ck_assert_int_eq(letter_receive(ends[0], frame, LETTER_WAIT), LETTER_CLOSED);
    frame_free(frame);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_frame_too_long_is_bad_and_the_next_is_fine)
{
    int ends[2];
    struct frame *frame = frame_make();
    uint8_t *octets = calloc(1, FRAME_MAX_OCTETS + 1);
    struct message message = stored(3);

    ck_assert_int_eq(channel_pair(ends), RESULT_OK);
    ck_assert_int_eq(send(ends[0], octets, FRAME_MAX_OCTETS + 1, 0), FRAME_MAX_OCTETS + 1);
    ck_assert_int_eq(letter_send(ends[0], &message, frame, LETTER_NOW), LETTER_DONE);
    ck_assert_int_eq(letter_receive(ends[1], frame, LETTER_NOW), LETTER_BAD);
    ck_assert_int_eq(letter_receive(ends[1], frame, LETTER_NOW), LETTER_DONE);
    frame_free(frame);
    free(octets);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* ---- dispatch ------------------------------------------------------------------------------- */

struct heard {
    unsigned wants;
    uint64_t last;
};

static void take_want(void *context, const struct message *message, struct frame *frame)
{
    struct heard *heard = context;
    (void)frame;
    heard->wants++;
    heard->last = message->want.id;
}

static void take_peer(void *context, const struct message *message, struct frame *frame)
{
    (void)context, (void)message, (void)frame; /* takes nothing */
}

static const struct dispatch_table wanted = {
    .link = LINK_WANTED, .self = LINK_UPPER, .handlers = {[MESSAGE_WANT] = take_want}};
static const struct dispatch_table from_supervisor = {
    .link = LINK_ROOM, .self = LINK_LOWER, .handlers = {[MESSAGE_PEER] = take_peer}};

START_TEST(only_what_the_peer_may_send_is_heard)
{
    struct frame *frame = frame_make();
    struct dispatch_state state = {.peer = "front 0"};
    struct heard heard = {0};

    log_open("test", LOG_LEVEL_ERROR, STDERR_FILENO);
    for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
        struct message message;
        memset(&message, 0, sizeof message);
        message.kind = (enum message_kind)kind;
        if (kind == MESSAGE_WANT)
            message.want.id = 4711;
        ck_assert_int_eq(message_write(&message, frame), RESULT_OK);
        frame->descriptor_count = 0;
        enum dispatch_verdict verdict = dispatch_frame(&wanted, &state, frame, &heard);
        if (kind == MESSAGE_WANT)
            ck_assert_int_eq(verdict, DISPATCH_HANDLED);
        else
            ck_assert_msg(verdict != DISPATCH_HANDLED, "%s was heard", message_name(message.kind));
    }
    ck_assert_uint_eq(heard.wants, 1);
    ck_assert_uint_eq(heard.last, 4711);
    ck_assert_uint_eq(state.accepted, 1);
    ck_assert_uint_eq(state.refused, MESSAGE_KINDS - 1);

    frame->length = 1;
    ck_assert_int_eq(dispatch_frame(&wanted, &state, frame, &heard), DISPATCH_MALFORMED);
    frame_free(frame);
}
END_TEST

START_TEST(descriptors_that_nobody_took_are_closed)
{
    struct frame *frame = frame_make();
    struct dispatch_state state = {0};
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct message message = {.kind = MESSAGE_PEER, .peer = {.descriptor = descriptor}};

    log_open("test", LOG_LEVEL_ERROR, STDERR_FILENO);
    ck_assert_int_eq(message_write(&message, frame), RESULT_OK);
    ck_assert_int_eq(dispatch_frame(_i == 0 ? &from_supervisor : &wanted, &state, frame, NULL),
                     _i == 0 ? DISPATCH_HANDLED : DISPATCH_REFUSED);
    ck_assert_int_eq(fcntl(descriptor, F_GETFD), -1);
    frame_free(frame);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ipc/channel");
    TCase *loops = tcase_create("loops");
    TCase *threads = tcase_create("threads");
    TCase *dispatch = tcase_create("dispatch");

    tcase_add_test(loops, a_queue_is_bounded_and_keeps_its_order);
    tcase_add_test(loops, octets_are_bounded_too);
    tcase_add_test(loops, descriptors_are_bounded_too);
    tcase_add_test(loops, a_letter_that_loses_its_descriptor_is_lost);
    tcase_add_test(loops, the_longest_frame_arrives);
    tcase_add_test(loops, a_descriptor_waits_in_the_queue_as_a_copy);
    tcase_add_loop_test(loops, the_end_is_told_once, 0, 2);
    tcase_add_test(loops, a_channel_may_end_inside_its_event);
    tcase_add_test(loops, a_pause_holds_the_other_end_back);
    tcase_set_timeout(threads, 60);
    tcase_add_test(threads, threads_share_a_socket);
    tcase_add_test(threads, a_frame_too_long_is_bad_and_the_next_is_fine);
    tcase_add_test(dispatch, only_what_the_peer_may_send_is_heard);
    tcase_add_loop_test(dispatch, descriptors_that_nobody_took_are_closed, 0, 2);
    suite_add_tcase(suite, loops);
    suite_add_tcase(suite, threads);
    suite_add_tcase(suite, dispatch);
    return run_suite(suite);
}
