/* test_desk_session.c - connections at the desk: order, half-closing, limits, streams, slow
 * readers. */
#include "desk_lab.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/untaken.h"
#include "src/desk/session.h"

enum { TURNS = 2000, SMALL_BUFFER = 4096 };

static struct ev_loop *loop;
static struct sessions sessions;
static struct lab_request request;

/* ---- the room's part -------------------------------------------------------------------------*/

static void answer(void *context, const struct origin *origin, const uint8_t *octets, size_t length)
{
    (void)context;
    sessions_answer(&sessions, origin, octets, length);
}

static void take_stream(void *context, struct stream *stream)
{
    (void)context;
    sessions_stream(&sessions, stream);
}

static const struct desk_outlets outlets = {
    .answer = answer, .change = lab_letter, .want = lab_letter, .stream = take_stream};

static void keep_time(struct desk *desk)
{
    (void)desk; /* the tests say what time it is */
}

static void open_sessions(void)
{
    lab_open();
    lab.desk.outlets = &outlets;
    loop = ev_loop_new(EVFLAG_AUTO);
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(sessions_open(&sessions, loop, &lab.desk, 1000, keep_time), RESULT_OK);
}

static void close_sessions(void)
{
    sessions_close(&sessions);
    ev_loop_destroy(loop);
    lab_close();
}

static void turn(void)
{
    ev_run(loop, EVRUN_NOWAIT);
}

/* ---- clients ---------------------------------------------------------------------------------*/

/* The desk takes a connection that moved with so much unread. */
static void take_from(int descriptor, const uint8_t *unread, size_t length, struct span identity)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4242)};

    ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.1", &address.sin_addr), 1);
    uint8_t *octets = exact_copy(unread, length);
    struct message_connection letter = {.client = span_of(&address, sizeof address),
                                        .local = span_of(&address, sizeof address),
                                        .unread = span_of(octets, length),
                                        .identity = identity};
    sessions_take(&sessions, descriptor, &letter);
    free(octets);
}

static void take(int descriptor, const uint8_t *unread, size_t length)
{
    take_from(descriptor, unread, length, span_of(NULL, 0));
}

/* Returns the client's end. */
static int move_in(const uint8_t *unread, size_t length)
{
    const int small = SMALL_BUFFER;
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    take(ends[0], unread, length);
    return ends[1];
}

/* By TCP, where the kernel has much for a client that takes little. */
static int move_in_by_tcp(const uint8_t *unread, size_t length)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof server;
    const int small = SMALL_BUFFER;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&server, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&server, &size), 0);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, size), 0);
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    close(listener);
    take(descriptor, unread, length);
    return client;
}

/* The request with its length before it; returns the length of both. */
static size_t frame(uint8_t *octets)
{
    size_t length = request.writer.length;

    octets[0] = (uint8_t)(length >> 8);
    octets[1] = (uint8_t)length;
    memcpy(octets + 2, request.octets, length);
    return length + 2;
}

static size_t frame_query(uint8_t *octets, uint8_t id, const char *name)
{
    lab_begin(&request, OPCODE_QUERY, name, TYPE_TXT, CLASS_IN);
    request.octets[1] = id;
    lab_sign(&request, "ddns.");
    return frame(octets);
}

static size_t frame_update(uint8_t *octets, uint8_t id)
{
    static const struct lab_record change = {
        "a.dyn.plain.example.", TYPE_A, CLASS_IN, 60, 4, "\300\0\2\1"};
    lab_begin(&request, OPCODE_UPDATE, "plain.example.", TYPE_SOA, CLASS_IN);
    request.octets[1] = id;
    lab_add(&request, SECTION_AUTHORITY, &change);
    lab_sign(&request, "ddns.");
    return frame(octets);
}

static size_t frame_transfer(uint8_t *octets, uint8_t id)
{
    lab_begin(&request, OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN);
    request.octets[1] = id;
    lab_sign(&request, "xfer.");
    return frame(octets);
}

static void say(int client, const uint8_t *octets, size_t length)
{
    ck_assert_int_eq(send(client, octets, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* So many octets, while the loop turns. False: the other side has closed. */
static bool hear_octets(int client, uint8_t *octets, size_t length)
{
    size_t got = 0;

    for (unsigned i = 0; i < TURNS && got < length; i++) {
        ssize_t more = recv(client, octets + got, length - got, MSG_DONTWAIT);
        if (more == 0)
            return false;
        if (more > 0)
            got += (size_t)more;
        else
            turn();
    }
    ck_assert_msg(got == length, "%zu of %zu octets came", got, length);
    return true;
}

/* The next answer's id; -1: the other side has closed. */
static int hear_answer(int client)
{
    uint8_t prefix[2];

    if (!hear_octets(client, prefix, sizeof prefix))
        return -1;
    lab.answer_length = (size_t)prefix[0] << 8 | prefix[1];
    ck_assert(hear_octets(client, lab.answer, lab.answer_length));
    return lab.answer[1];
}

static bool is_silent(int client)
{
    struct pollfd wait = {.fd = client, .events = POLLIN};

    for (unsigned i = 0; i < 20; i++)
        turn();
    return poll(&wait, 1, 0) == 0;
}

/* ---- tests -----------------------------------------------------------------------------------*/

/* Time goes by, and so many connections are left. */
static void let_pass(uint64_t milliseconds, unsigned left)
{
    lab.desk.now_ms += milliseconds;
    sessions_tick(&sessions);
    ck_assert_uint_eq(sessions.count, left);
}

/* The front carries what the veil says of a client; it cannot say it itself, nor of another one. */
START_TEST(only_the_veil_says_who_came_by_tls)
{
    const struct identity identity = {.is_dot = true, .has_pin = true};
    const uint8_t *key = lab.desk.config->server.tls.seal;
    uint8_t octets[IDENTITY_MOST_OCTETS];
    int ends[2], others[2];
    uint64_t socket;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others), 0);
    ck_assert_int_eq(identity_socket(ends[0], &socket), RESULT_OK);
    size_t length = identity_write(&identity, key, socket, octets);

    take_from(others[0], NULL, 0, span_of(octets, length)); /* another connection's */
    ck_assert_uint_eq(sessions.count, 0);
    take_from(ends[0], NULL, 0, span_of(octets, length));
    ck_assert_uint_eq(sessions.count, 1);
    const struct session *session = TAILQ_FIRST(&sessions.by_age);
    ck_assert(session->origin.encrypted && session->origin.identity->has_pin);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others), 0);
    octets[1] ^= 1; /* another pin */
    take_from(others[0], NULL, 0, span_of(octets, length));
    ck_assert_uint_eq(sessions.count, 1);
    close(ends[1]);
}
END_TEST

/* However it is cut into what moved and what comes later. */
START_TEST(requests_are_answered_in_order)
{
    uint8_t octets[1024];
    size_t length = frame_query(octets, 1, "www.plain.example.");

    length += frame_query(octets + length, 2, "big.plain.example.");
    length += frame_query(octets + length, 3, "none.plain.example.");
    for (size_t cut = 1; cut < length; cut += 7) {
        int client = move_in(octets, cut);
        say(client, octets + cut, length - cut);
        for (int id = 1; id <= 3; id++)
            ck_assert_int_eq(hear_answer(client), id);
        close(client);
        turn();
    }
    ck_assert_uint_eq(sessions.count, 0);
}
END_TEST

START_TEST(a_request_waits_for_the_one_before)
{
    uint8_t octets[1024];
    size_t length = frame_update(octets, 1);

    length += frame_query(octets + length, 2, "www.plain.example.");
    int client = move_in(octets, length);
    ck_assert(is_silent(client));
    ck_assert_uint_eq(lab.letters, 1);
    pending_answered(&lab.desk, &(struct message_updated){.id = lab.letter.update.id, .text = ""});
    ck_assert_int_eq(hear_answer(client), 1);
    ck_assert_int_eq(hear_answer(client), 2);
    close(client);
}
END_TEST

START_TEST(who_has_said_all_still_hears_all)
{
    uint8_t octets[1024];
    size_t length = frame_update(octets, 1);

    length += frame_query(octets + length, 2, "www.plain.example.");
    int client = move_in(octets, length);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    ck_assert(is_silent(client));
    pending_answered(&lab.desk, &(struct message_updated){.id = lab.letter.update.id, .text = ""});
    ck_assert_int_eq(hear_answer(client), 1);
    ck_assert_int_eq(hear_answer(client), 2);
    ck_assert_int_eq(hear_answer(client), -1);
    ck_assert_uint_eq(sessions.count, 0);
    close(client);
}
END_TEST

/* Who asks much at once does not keep others waiting. */
START_TEST(many_requests_are_taken_in_turns)
{
    enum { MANY = 250, PLAIN_OCTETS = 2 + 12 + 19 + 4 };
    static uint8_t octets[MANY * PLAIN_OCTETS];
    uint8_t one[1024];
    size_t length = 0, first = frame_query(one, 255, "www.plain.example.");

    for (unsigned i = 0; i < MANY; i++) {
        lab_begin(&request, OPCODE_QUERY, "www.plain.example.", TYPE_TXT, CLASS_IN);
        request.octets[1] = (uint8_t)i;
        length += frame(octets + length);
    }
    int client = move_in(one, first);
    ck_assert_int_eq(hear_answer(client), 255);
    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    uint64_t before = lab_metric(METRIC_DESK_MESSAGES);
    turn();
    uint64_t taken = lab_metric(METRIC_DESK_MESSAGES) - before;
    ck_assert_msg(taken >= 1 && taken <= 64, "%llu in a turn", (unsigned long long)taken);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(hear_answer(client), (int)i);
    ck_assert_uint_eq(lab_metric(METRIC_RESPONSES), MANY + 1);
    close(client);
    turn();
    ck_assert_uint_eq(sessions.count, 0);
}
END_TEST

START_TEST(an_answer_to_who_has_left_is_dropped)
{
    uint8_t octets[1024];
    size_t length = frame_update(octets, 1);
    int client = move_in(octets, length);

    close(client);
    turn();
    pending_answered(&lab.desk, &(struct message_updated){.id = lab.letter.update.id, .text = ""});
    turn();
    ck_assert_uint_eq(sessions.count, 0);
    client = move_in(octets, 0);
    close(client);
    turn();
    ck_assert_uint_eq(sessions.count, 0);
}
END_TEST

START_TEST(what_is_no_message_ends_the_connection)
{
    int client = move_in((const uint8_t *)"\0\013hello world", 13);

    ck_assert_int_eq(hear_answer(client), -1);
    close(client);
}
END_TEST

/* A zone with so many large names more. */
static void load_names(unsigned names)
{
    struct change change;
    struct name apex = name_of("plain.example.");
    struct zone row;
    char big[64];

    begin(&change, &lab.store.store);
    ck_assert_int_eq(snapshot_renew(&lab.store.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_get(&lab.store.snapshot, &apex, &row), RECORD_THERE);
    snapshot_rest(&lab.store.snapshot);
    for (unsigned i = 0; i < names; i++) {
        (void)snprintf(big, sizeof big, "x%u.plain.example.", i);
        lab_big(&change, row.version, big);
    }
    commit(&change);
}

/* One that is more than may be unsent. */
static void load_large_zone(void)
{
    load_names(400);
}

/* Nothing is made that the client does not take; what it asks behind it waits. */
START_TEST(a_stream_goes_at_the_pace_of_its_client)
{
    uint8_t octets[1024];
    unsigned messages = 0;
    int id;

    load_large_zone();
    size_t length = frame_transfer(octets, 1);
    length += frame_query(octets + length, 2, "www.plain.example.");
    int client = move_in(octets, length);
    for (unsigned i = 0; i < 100; i++)
        turn();
    struct session *session = TAILQ_FIRST(&sessions.by_age);
    ck_assert_ptr_nonnull(session->stream);
    ck_assert_uint_le(session->stream->octets, SESSION_BACKLOG_OCTETS + SESSION_PREFIX_OCTETS +
                                                   MESSAGE_MAX_OCTETS + 2 * SMALL_BUFFER);
    while ((id = hear_answer(client)) == 1)
        messages++;
    ck_assert_int_eq(id, 2);
    ck_assert_uint_ge(messages, 10);
    ck_assert_uint_eq(lab_metric(METRIC_AXFR_DONE), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_OPEN), 0);
    close(client);
}
END_TEST

/* Who comes meanwhile waits for a turn of all of them, not for as many as there are. */
START_TEST(many_streams_have_smaller_turns)
{
    uint8_t octets[1024];
    int clients[6];
    unsigned smaller = 0;
    struct session *session;

    load_large_zone();
    for (unsigned i = 0; i < COUNT(clients); i++) {
        clients[i] = move_in(octets, frame_transfer(octets, 1));
        turn();
        if (i == 0)
            ck_assert_uint_ge(TAILQ_FIRST(&sessions.by_age)->streamed, SESSION_BACKLOG_OCTETS);
    }
    ck_assert_uint_eq(lab.desk.stream_count, COUNT(clients));
    TAILQ_FOREACH(session, &sessions.by_age, age)
    {
        smaller += session->streamed < SESSION_BACKLOG_OCTETS / 2;
    }
    ck_assert_uint_ge(smaller, 1); /* the last one's first turn was one of six */
    for (unsigned i = 0; i < COUNT(clients); i++)
        close(clients[i]);
}
END_TEST

START_TEST(who_takes_a_little_is_cut_off_in_the_end)
{
    uint8_t octets[1024], taken[SMALL_BUFFER / 4];
    uint64_t longest_ms = (uint64_t)lab.config.transfers.longest * 1000;
    uint64_t step_ms = (uint64_t)lab.config.transfers.idle * 1000 - 1;

    load_large_zone();
    int client = move_in(octets, frame_transfer(octets, 1));
    uint64_t begun_ms = lab.desk.now_ms;
    while (lab.desk.now_ms < begun_ms + longest_ms - step_ms) {
        turn();
        lab.desk.now_ms += step_ms;
        TAILQ_FIRST(&sessions.by_age)->since_ms = lab.desk.now_ms; /* as if it had taken some */
        sessions_tick(&sessions);
        ck_assert_uint_eq(sessions.count, 1);
    }
    ck_assert(hear_octets(client, taken, sizeof taken));
    TAILQ_FIRST(&sessions.by_age)->since_ms = lab.desk.now_ms = begun_ms + longest_ms - 1;
    sessions_tick(&sessions);
    ck_assert_uint_eq(sessions.count, 1);
    let_pass(1, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_CUT), 1);
    close(client);
}
END_TEST

START_TEST(who_takes_nothing_is_cut_off)
{
    uint8_t octets[1024];
    uint64_t idle_ms = (uint64_t)lab.config.transfers.idle * 1000;

    load_large_zone();
    int client = move_in(octets, frame_transfer(octets, 1));
    for (unsigned i = 0; i < 10; i++)
        turn();
    let_pass(idle_ms - 1, 1);
    uint8_t taken[SMALL_BUFFER * 4];
    ck_assert(hear_octets(client, taken, sizeof taken)); /* it does take something */
    turn();
    let_pass(idle_ms - 1, 1);
    let_pass(1, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_CUT), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_OPEN), 0);
    close(client);
}
END_TEST

/* Octet by octet is not fast enough: what was unsent has to be taken, or 16 KiB of it. */
START_TEST(who_takes_octet_by_octet_is_cut_off)
{
    uint8_t octets[1024], octet;
    uint64_t idle_ms = (uint64_t)lab.config.transfers.idle * 1000;

    load_large_zone();
    int client = move_in(octets, frame_transfer(octets, 1));
    for (unsigned i = 0; i < 10; i++)
        turn();
    for (unsigned i = 0; i < 99; i++) {
        lab.desk.now_ms += idle_ms / 100;
        ck_assert(hear_octets(client, &octet, 1));
        turn();
        sessions_tick(&sessions);
        ck_assert_uint_eq(sessions.count, 1);
    }
    let_pass(idle_ms / 100, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SLOW_READERS), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TRANSFERS_CUT), 1);
    close(client);
}
END_TEST

START_TEST(who_does_nothing_is_closed)
{
    uint8_t octets[1024];
    uint64_t idle_ms = (uint64_t)lab.config.server.tcp_idle * 1000;
    int client = move_in(octets, frame_query(octets, 1, "www.plain.example."));

    ck_assert_int_eq(hear_answer(client), 1);
    let_pass(idle_ms - 1, 1);
    let_pass(1, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_IDLE), 1);
    close(client);
}
END_TEST

/* Until the server has closed. Returns how much there was; -1: it was reset. */
static ssize_t take_all(int client)
{
    uint8_t taken[SMALL_BUFFER];
    ssize_t got, all = 0;

    while ((got = recv(client, taken, sizeof taken, 0)) > 0)
        all += got;
    return got ? -1 : all;
}

/* Of a slow line the kernel has the end of the zone when the desk is done with it. */
START_TEST(a_peer_gets_what_the_kernel_still_has)
{
    uint8_t octets[1024];

    load_names(10);
    int client = move_in_by_tcp(octets, frame_transfer(octets, 1));
    for (unsigned i = 0; i < TURNS && lab_metric(METRIC_AXFR_DONE) == 0; i++)
        turn();
    struct session *session = TAILQ_FIRST(&sessions.by_age);
    ck_assert_uint_eq(session_unsent(session), 0);
    ck_assert_uint_ne(untaken_octets(session->descriptor), 0);
    let_pass(lab.desk.idle_ms, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_IDLE), 1);
    ck_assert_int_gt(take_all(client), (ssize_t)lab_metric(METRIC_TRANSFER_OCTETS));
    close(client);
}
END_TEST

/* A stranger does not: however often it comes and is sent away, nothing is left of it. */
START_TEST(a_stranger_does_not)
{
    enum { MANY = 400, PLAIN_OCTETS = 2 + 12 + 15 + 4 };
    static uint8_t octets[MANY * PLAIN_OCTETS];
    size_t length = 0;

    for (unsigned i = 0; i < MANY; i++) {
        lab_begin(&request, OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN);
        length += frame(octets + length);
    }
    int client = move_in_by_tcp(octets, length);
    for (unsigned i = 0; i < TURNS; i++)
        turn();
    struct session *session = TAILQ_FIRST(&sessions.by_age);
    ck_assert_uint_eq(lab_metric(METRIC_RESPONSES), MANY);
    ck_assert_uint_eq(session_unsent(session), 0);
    ck_assert_uint_ne(untaken_octets(session->descriptor), 0);
    let_pass(lab.desk.idle_ms, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SLOW_READERS), 1);
    ck_assert_int_eq(take_all(client), -1);
    close(client);
}
END_TEST

/* A request has its time from its first octet on, however often another one comes. */
START_TEST(who_writes_octet_by_octet_is_cut_off)
{
    uint8_t octets[1024];
    uint64_t idle_ms = (uint64_t)lab.config.server.tcp_idle * 1000;
    int client = move_in(octets, frame_query(octets, 1, "www.plain.example."));

    ck_assert_int_eq(hear_answer(client), 1);
    lab.desk.now_ms += idle_ms - 1;
    say(client, (const uint8_t *)"\0", 1);
    turn();
    for (unsigned i = 0; i < 99; i++) {
        lab.desk.now_ms += idle_ms / 100;
        say(client, (const uint8_t *)"\377", 1);
        turn();
        sessions_tick(&sessions);
        ck_assert_uint_eq(sessions.count, 1);
    }
    let_pass(idle_ms / 100, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SLOW_WRITERS), 1);
    close(client);
}
END_TEST

/* As in the front: who does nothing makes room, and is told so, sooner. */
START_TEST(patience_falls_when_most_places_are_taken)
{
    uint8_t octets[1024];
    size_t length = frame_query(octets, 1, "www.plain.example.");
    int clients[4];

    lab.config.transfers.clients = COUNT(clients);
    for (unsigned i = 0; i < COUNT(clients); i++) {
        clients[i] = move_in(octets, length);
        ck_assert_int_eq(hear_answer(clients[i]), 1);
    }
    ck_assert_uint_eq(lab.desk.idle_ms, 1000);
    let_pass(1000, 3); /* with fewer of them it is longer again */
    for (unsigned i = 0; i < COUNT(clients); i++)
        close(clients[i]);
}
END_TEST

/* What a stranger does not read is not made for long: 16 KiB, not 192. */
START_TEST(strangers_get_little_for_nothing)
{
    enum { MANY = 4000, PLAIN_OCTETS = 2 + 12 + 15 + 4 };
    static uint8_t octets[MANY * PLAIN_OCTETS];
    size_t length = 0;

    for (unsigned i = 0; i < MANY; i++) {
        lab_begin(&request, OPCODE_QUERY, "plain.example.", TYPE_AXFR, CLASS_IN);
        length += frame(octets + length);
    }
    int client = move_in(octets, length);
    uint64_t before = lab_metric(METRIC_DESK_MESSAGES);
    turn();
    ck_assert_uint_le(lab_metric(METRIC_DESK_MESSAGES) - before, 4); /* of a turn */
    for (unsigned i = 0; i < TURNS; i++)
        turn();
    ck_assert_uint_le(session_unsent(TAILQ_FIRST(&sessions.by_age)), 17 * 1024);
    let_pass(lab.desk.idle_ms, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SLOW_READERS), 1);
    close(client);
}
END_TEST

/* Those whom nothing speaks for make room for others; who is at work does not. */
START_TEST(strangers_make_room)
{
    uint8_t good[1024], waits[1024], bad[1024];
    size_t good_length = frame_query(good, 1, "www.plain.example.");
    size_t waits_length = frame_update(waits, 2);

    lab.config.transfers.clients = 2;
    lab_begin(&request, OPCODE_NOTIFY, "plain.example.", TYPE_SOA, CLASS_IN);
    size_t bad_length = frame(bad);
    int peer = move_in(good, good_length), stranger = move_in(bad, bad_length); /* the newer one */
    (void)hear_answer(stranger);
    ck_assert_int_eq(hear_answer(peer), 1);
    int updater = move_in(waits, waits_length);
    ck_assert_int_eq(hear_answer(stranger), -1);
    int next = move_in(bad, bad_length); /* at the cost of the idle peer */
    ck_assert_int_eq(hear_answer(peer), -1);
    (void)hear_answer(next);
    int last = move_in(good, good_length);
    ck_assert_int_eq(hear_answer(next), -1);
    ck_assert_int_eq(hear_answer(last), 1);
    ck_assert_uint_eq(sessions.count, 2);
    ck_assert_uint_eq(lab_metric(METRIC_DESK_CONNECTIONS), 2);
    pending_answered(&lab.desk, &(struct message_updated){.id = lab.letter.update.id, .text = ""});
    ck_assert_int_eq(hear_answer(updater), 2);
    close(stranger), close(peer), close(updater), close(next), close(last);
}
END_TEST

START_TEST(when_all_are_at_work_there_is_no_room)
{
    uint8_t octets[1024];

    lab.config.transfers.clients = 1;
    int first = move_in(octets, frame_update(octets, 1));
    int second = move_in(octets, frame_update(octets, 2));
    ck_assert_int_eq(hear_answer(second), -1);
    ck_assert_uint_eq(lab_metric(METRIC_DESK_UNHEARD), 1);
    lab.config.transfers.clients = 1000000; /* more places than there were */
    sessions_configure(&sessions, 1000);
    close(second);
    second = move_in(octets, frame_query(octets, 3, "www.plain.example."));
    ck_assert_int_eq(hear_answer(second), 3);
    pending_answered(&lab.desk, &(struct message_updated){.id = lab.letter.update.id, .text = ""});
    ck_assert_int_eq(hear_answer(first), 1);
    close(first);
    close(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/session");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, open_sessions, close_sessions);
    tcase_set_timeout(all, 30);
    tcase_add_test(all, only_the_veil_says_who_came_by_tls);
    tcase_add_test(all, requests_are_answered_in_order);
    tcase_add_test(all, a_request_waits_for_the_one_before);
    tcase_add_test(all, who_has_said_all_still_hears_all);
    tcase_add_test(all, many_requests_are_taken_in_turns);
    tcase_add_test(all, an_answer_to_who_has_left_is_dropped);
    tcase_add_test(all, what_is_no_message_ends_the_connection);
    tcase_add_test(all, a_stream_goes_at_the_pace_of_its_client);
    tcase_add_test(all, many_streams_have_smaller_turns);
    tcase_add_test(all, who_takes_nothing_is_cut_off);
    tcase_add_test(all, who_takes_a_little_is_cut_off_in_the_end);
    tcase_add_test(all, who_does_nothing_is_closed);
    tcase_add_test(all, who_takes_octet_by_octet_is_cut_off);
    tcase_add_test(all, a_peer_gets_what_the_kernel_still_has);
    tcase_add_test(all, a_stranger_does_not);
    tcase_add_test(all, who_writes_octet_by_octet_is_cut_off);
    tcase_add_test(all, patience_falls_when_most_places_are_taken);
    tcase_add_test(all, strangers_get_little_for_nothing);
    tcase_add_test(all, strangers_make_room);
    tcase_add_test(all, when_all_are_at_work_there_is_no_room);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
