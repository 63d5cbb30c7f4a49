/* test_front_tcp.c - connections through a worker: pipelining, limits, bad streams, slow clients.
 */
#include "front_lab.h"

#include <sys/resource.h>

enum { MANY = 1000, QUESTION_OCTETS = 64, SMALL_BUFFER = 4096 };

static const struct lab_question www = {.id = 1, .name = "www.plain.example.", .type = TYPE_A};

static void check_served(int client)
{
    struct lab_answer answer;

    lab_tcp_ask(client, &www);
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.rcode, RCODE_NOERROR);
}

START_TEST(questions_on_one_connection_are_answered)
{
    lab_start();
    int client = lab_tcp_client();
    struct lab_answer answer;

    for (unsigned i = 0; i < 3; i++)
        check_served(client);
    lab_tcp_ask(client, &(struct lab_question){2, "big.plain.example.", TYPE_TXT, 0, false});
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    ck_assert(!answer.truncated);
    lab_await(METRIC_QUERIES_TCP, 4);
    lab_await(METRIC_RESPONSES, 4);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), 1);
    close(client);
    lab_await(METRIC_TCP_OPEN, 0);
}
END_TEST

/* Many in one go, then the client is done with speaking: all are answered, then it is closed. */
START_TEST(a_pipeline_is_answered_to_the_end)
{
    lab.settings.tcp_pipeline = _i ? 64 : 1;
    lab_start();
    int client = lab_tcp_client();
    uint8_t *octets = malloc(MANY * QUESTION_OCTETS);
    bool seen[MANY] = {false};
    size_t size = 0;
    struct lab_answer answer;

    for (unsigned i = 0; i < MANY; i++) {
        struct lab_question question = www;
        question.id = (uint16_t)i;
        size += lab_frame(octets + size, QUESTION_OCTETS, &question);
    }
    ck_assert_int_eq(send(client, octets, size, 0), (ssize_t)size);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert(lab_tcp_answer(client, &answer));
        ck_assert(answer.header.id < MANY && !seen[answer.header.id]);
        seen[answer.header.id] = true;
    }
    ck_assert(lab_is_closed(client));
    close(client);
    free(octets);
}
END_TEST

START_TEST(a_trickle_is_put_together)
{
    lab_start();
    int client = lab_tcp_client();
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, &www);
    struct lab_answer answer;

    for (size_t i = 0; i < length; i++) {
        ck_assert_int_eq(send(client, octets + i, 1, 0), 1);
        usleep(500);
    }
    ck_assert(lab_tcp_answer(client, &answer));
    close(client);
}
END_TEST

static const struct {
    const char *what;
    const char *octets;
    size_t length;
} bad[] = {
    {"length 0", "\0\0", 2},
    {"length 11", "\0\13hello world", 13},
    {"a response", "\0\14\1\1\x80\0\0\0\0\0\0\0\0\0", 14},
};

START_TEST(a_bad_stream_is_closed)
{
    lab_start();
    int client = lab_tcp_client();
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, &www);
    struct lab_answer answer;

    memcpy(octets + length, bad[_i].octets, bad[_i].length);
    ck_assert_int_gt(send(client, octets, length + bad[_i].length, 0), 0);
    ck_assert_msg(lab_tcp_answer(client, &answer), "%s: what came before it", bad[_i].what);
    ck_assert_msg(lab_is_closed(client), "%s", bad[_i].what);
    lab_await(METRIC_DROPPED_MALFORMED, 1);
    lab_await(METRIC_TCP_OPEN, 0);
    close(client);
}
END_TEST

/* Ask until the server does not take more; the last question may be cut. Returns how many went out
 * whole. */
static unsigned ask_until_stuck(int client, const uint8_t *octets, size_t length)
{
    unsigned asked = 0, quiet = 0;
    size_t part = 0;

    while (quiet < 200) {
        ssize_t sent = send(client, octets + part, length - part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            ck_assert_int_eq(errno, EAGAIN);
            quiet++;
            usleep(1000);
            continue;
        }
        quiet = 0;
        part += (size_t)sent;
        if (part == length) {
            asked++;
            part = 0;
        }
    }
    return asked;
}

/* A client that asks and does not read is not read from either, and in the end gets everything. */
START_TEST(a_client_that_does_not_read_has_to_wait)
{
    const int small = 64 * 1024; /* else the kernel takes megabytes before anybody has to wait */
    ck_assert_int_eq(
        setsockopt(lab.sockets[2].descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    lab_start();
    int client = lab_tcp_client();
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets,
                              &(struct lab_question){2, "big.plain.example.", TYPE_TXT, 0, false});
    struct lab_answer answer;

    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    unsigned asked = ask_until_stuck(client, octets, length);
    ck_assert_msg(lab_metric(METRIC_QUERIES_TCP) < asked, "all %u were served", asked);
    for (unsigned i = 0; i < asked; i++) {
        ck_assert(lab_tcp_answer(client, &answer));
        ck_assert_uint_eq(answer.header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    }
    close(client);
}
END_TEST

START_TEST(who_is_idle_is_closed)
{
    lab.settings.tcp_idle_ms = 300;
    lab_start();
    int silent = lab_tcp_client(), half = lab_tcp_client();
    uint64_t start_ms = clock_monotonic_ms();

    check_served(silent);
    ck_assert_int_eq(send(half, "\0", 1, 0), 1);
    ck_assert(lab_is_closed(silent));
    ck_assert(lab_is_closed(half));
    ck_assert_uint_ge(clock_monotonic_ms() - start_ms, 250);
    close(silent);
    close(half);
}
END_TEST

/* ---- slow clients ----------------------------------------------------------------------------*/

/* However often an octet comes: the whole message has as long as a client may be idle. */
START_TEST(who_writes_too_slowly_is_cut_off)
{
    lab.settings.tcp_idle_ms = 300;
    lab_start();
    int client = lab_tcp_client();

    check_served(client);
    ck_assert_int_eq(send(client, "\1\0", 2, 0), 2);
    while (!lab_comes(client, 5)) /* until the test's deadline */
        (void)send(client, "x", 1, MSG_NOSIGNAL);
    ck_assert(lab_is_closed(client));
    lab_await(METRIC_TCP_SLOW_WRITERS, 1);
    lab_await(METRIC_TCP_OPEN, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_IDLE), 0);
    close(client);
}
END_TEST

/* From its first octet, not from the message before: who was idle for long has it all the same. */
START_TEST(a_message_has_its_time_from_its_first_octet)
{
    lab.settings.tcp_idle_ms = 3000;
    lab_start();
    int client = lab_tcp_client();
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, &www);
    struct lab_answer answer;

    check_served(client);
    usleep(2000 * 1000);
    ck_assert_int_eq(send(client, octets, 1, 0), 1);
    usleep(2000 * 1000); /* more than 3000, with a tick, since the message before */
    ck_assert_int_eq(send(client, octets + 1, length - 1, 0), (ssize_t)length - 1);
    ck_assert(lab_tcp_answer(client, &answer));
    close(client);
}
END_TEST

/* A client for which the system keeps little. */
static int small_client(const char *from)
{
    const int small = SMALL_BUFFER;
    struct sockaddr_in server = lab_address_of(2), own = {.sin_family = AF_INET};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(inet_pton(AF_INET, from, &own.sin_addr), 1);
    ck_assert_int_eq(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    return client;
}

static size_t frame_big(uint8_t *octets, size_t size)
{
    return lab_frame(octets, size,
                     &(struct lab_question){2, "big.plain.example.", TYPE_TXT, 0, false});
}

/* A client whose answers do not fit in what the system keeps for it, and wait in the front. */
static int stuck_client(const char *from)
{
    int client = small_client(from);
    uint8_t octets[512];

    (void)ask_until_stuck(client, octets, frame_big(octets, sizeof octets));
    return client;
}

static void take_slowly(int client)
{
    uint8_t octet;

    while (lab_metric(METRIC_TCP_SLOW_READERS) == 0) { /* until the test's deadline */
        (void)recv(client, &octet, 1, MSG_DONTWAIT);
        usleep(1000);
    }
}

/* Octet by octet is too slow, too. */
START_TEST(who_reads_too_slowly_is_cut_off)
{
    lab.settings.tcp_idle_ms = 1000;
    lab_start();
    int client = stuck_client("127.0.0.1");

    ck_assert_uint_gt(lab_metric(METRIC_TCP_UNSENT), 0);
    take_slowly(client);
    lab_await(METRIC_TCP_OPEN, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SLOW_READERS), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_UNSENT), 0);
    close(client);
}
END_TEST

/* What is kept for clients that do not read is bounded, each and together. */
START_TEST(what_is_not_taken_is_bounded)
{
    enum { CLIENTS = 12, BOUND = 64 * 1024 };
    int clients[CLIENTS];

    lab.settings.tcp_idle_ms = 600000;
    lab_start();
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = stuck_client("127.0.0.1");
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), CLIENTS);
    ck_assert_uint_gt(lab_metric(METRIC_TCP_UNSENT), 0);
    ck_assert_uint_le(lab_metric(METRIC_TCP_UNSENT), CLIENTS * BOUND);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
    lab_await(METRIC_TCP_OPEN, 0);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_UNSENT), 0);
}
END_TEST

/* Who takes its answers, but never all of them, does not have us keep those that it has taken. */
START_TEST(what_was_taken_is_not_kept)
{
    enum { ENOUGH = 2 * 1024 * 1024, BOUND = 64 * 1024 };
    uint8_t question[512], taken[256];
    size_t length, part = 0, all = 0;
    ssize_t sent, got;

    lab_start();
    int client = small_client("127.0.0.1");
    length = frame_big(question, sizeof question);
    while (all < ENOUGH) { /* or until the test's deadline */
        while ((sent = send(client, question + part, length - part, MSG_DONTWAIT)) > 0)
            part = (part + (size_t)sent) % length;
        got = recv(client, taken, sizeof taken, MSG_DONTWAIT);
        ck_assert(got > 0 || (got < 0 && errno == EAGAIN));
        all += got > 0 ? (size_t)got : 0;
        ck_assert_uint_le(lab_metric(METRIC_TCP_UNSENT), BOUND);
    }
    close(client);
}
END_TEST

/* Answers that the kernel cannot get rid of go with the connection, too. */
START_TEST(what_waits_in_the_kernel_is_not_taken_either)
{
    enum { QUESTIONS = 4 };
    uint8_t octets[512];
    ssize_t got;

    lab.settings.tcp_idle_ms = 300;
    lab_start();
    int client = small_client("127.0.0.1");
    size_t length = frame_big(octets, sizeof octets);
    for (unsigned i = 0; i < QUESTIONS; i++)
        ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    lab_await(METRIC_RESPONSES, QUESTIONS);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_UNSENT), 0);
    lab_await(METRIC_TCP_SLOW_READERS, 1);
    do
        got = recv(client, octets, sizeof octets, 0);
    while (got > 0);
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(errno, ECONNRESET);
    close(client);
}
END_TEST

/* ---- limits ----------------------------------------------------------------------------------*/

static int client_from(const char *from)
{
    struct sockaddr_in server = lab_address_of(2), own = {.sin_family = AF_INET};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(inet_pton(AF_INET, from, &own.sin_addr), 1);
    ck_assert_int_eq(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    return client;
}

/* The worker stands still; what comes meanwhile it sees at once when it goes on. */
static void stand_still(void)
{
    pthread_mutex_lock(&lab.worker.mail.lock);
    ev_async_send(lab.worker.loop, &lab.worker.wake);
    while (ev_async_pending(&lab.worker.wake))
        usleep(1000); /* until the test's deadline */
}

static void go_on(void)
{
    pthread_mutex_unlock(&lab.worker.mail.lock);
}

/* Whoever has asked is answered before a newcomer may take its place, whichever came first. */
START_TEST(who_has_asked_is_answered_before_it_makes_room)
{
    struct lab_answer answer;

    lab.settings.tcp_clients = 1;
    lab_start();
    int client = client_from("127.0.1.1"), newcomer;
    check_served(client);
    stand_still();
    if (_i)
        newcomer = client_from("127.0.2.1");
    lab_tcp_ask(client, &www);
    if (!_i)
        newcomer = client_from("127.0.2.1");
    go_on();
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert(lab_is_closed(client));
    check_served(newcomer);
    close(client);
    close(newcomer);
}
END_TEST

/* Nor does its time run out while it is we who are late. */
START_TEST(who_has_asked_is_answered_before_its_time_is_over)
{
    struct lab_answer answer;

    lab.settings.tcp_idle_ms = 300;
    lab_start();
    int client = lab_tcp_client();
    check_served(client);
    stand_still();
    lab_tcp_ask(client, &www);
    usleep(1000 * 1000);
    go_on();
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert(lab_is_closed(client));
    close(client);
}
END_TEST

/* Not even who has answers to take: it is its own doing. */
START_TEST(who_does_not_read_makes_room)
{
    lab.settings.tcp_per_address = 1;
    lab.settings.tcp_idle_ms = 600000;
    lab_start();
    int stuck = stuck_client("127.0.1.1"), client = client_from("127.0.1.1");

    check_served(client);
    lab_await(METRIC_TCP_EVICTED, 1);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_REFUSED), 0);
    close(client);
    close(stuck);
}
END_TEST

/* The one of a small network stays, though it has been idle for longest. */
START_TEST(the_fullest_network_makes_room)
{
    enum { CLIENTS = 8 };
    int clients[CLIENTS];
    char address[32];

    lab.settings.tcp_clients = CLIENTS;
    lab_start();
    for (unsigned i = 0; i < CLIENTS; i++) {
        (void)snprintf(address, sizeof address, "127.0.%u.%u", i ? 2U : 1U, i == 5 ? 4U : i);
        clients[i] = client_from(i ? address : "127.0.1.1");
        check_served(clients[i]);
        lab_await(METRIC_TCP_ACCEPTED, i + 1);
    }
    int newcomer = client_from("127.0.3.1");
    check_served(newcomer);
    ck_assert(lab_is_closed(clients[4])); /* the first one of the address that has two */
    check_served(clients[0]);
    check_served(clients[1]);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_EVICTED), 1);
    close(newcomer);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
}
END_TEST

/* Whoever has its share gives up one of its own, and takes nobody else's. */
START_TEST(an_address_and_a_network_have_their_shares)
{
    lab.settings.tcp_per_address = 2;
    lab.settings.tcp_per_network = 3;
    lab_start();
    int other = client_from("127.0.1.1"), one = client_from("127.0.2.1");

    check_served(other);
    check_served(one);
    int two = client_from("127.0.2.1"), three = client_from("127.0.2.1"); /* in the place of one */
    check_served(two);
    check_served(three);
    ck_assert(lab_is_closed(one));
    int four = client_from("127.0.2.2");
    check_served(four);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_EVICTED), 1);
    int five = client_from("127.0.2.3"); /* the network is full */
    check_served(five);
    ck_assert(lab_is_closed(two));
    check_served(other);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_EVICTED), 2);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), 4);
    close(other), close(one), close(two), close(three), close(four), close(five);
}
END_TEST

/* In tenths of a second; -1: it was not told. */
static int told_patience(int client)
{
    static const uint8_t opt[] = {0, 0, TYPE_OPT, 4, 0xd0, 0, 0, 0, 0, 0, 4, 0, 11, 0, 0};
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, &www);

    memcpy(octets + length, opt, sizeof opt);
    length += sizeof opt;
    octets[1] = (uint8_t)(length - 2);
    octets[2 + 11] = 1; /* a record in the additional section */
    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    ck_assert(lab_tcp_take(client, octets, 2));
    length = (size_t)octets[0] << 8 | octets[1];
    ck_assert_uint_le(length, sizeof octets);
    ck_assert(lab_tcp_take(client, octets, length));
    const uint8_t *found = memmem(octets, length, "\0\13\0\2", 4);
    return found ? found[4] << 8 | found[5] : -1;
}

/* RFC 7828: what a client is told is what holds. */
START_TEST(a_client_is_told_how_long_it_is_waited_for)
{
    static const int told[] = {40, 40, 25, 10}; /* by how many of four places are taken */
    int clients[COUNT(told)];

    lab.settings.tcp_clients = COUNT(told);
    lab.settings.tcp_idle_ms = 4000;
    lab_start();
    for (unsigned i = 0; i < COUNT(told); i++) {
        clients[i] = lab_tcp_client();
        ck_assert_int_eq(told_patience(clients[i]), told[i]);
    }
    for (unsigned i = 0; i < COUNT(told); i++)
        ck_assert(lab_is_closed(clients[i])); /* in the end, also those that were told more */
    lab_await(METRIC_TCP_IDLE, COUNT(told));
    for (unsigned i = 0; i < COUNT(told); i++)
        close(clients[i]);
}
END_TEST

/* One more than there may be: the one that is idle for longest goes. */
START_TEST(a_newcomer_takes_the_place_of_an_idle_client)
{
    lab.settings.tcp_clients = 4;
    lab_start();
    int clients[5];

    for (unsigned i = 0; i < 5; i++) {
        clients[i] = lab_tcp_client();
        check_served(clients[i]);
        if (i == 3)
            check_served(clients[0]); /* now the second is the oldest */
        usleep(2000);
    }
    ck_assert(lab_is_closed(clients[1]));
    check_served(clients[0]);
    check_served(clients[4]);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), 4);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_ACCEPTED), 5);
    for (unsigned i = 0; i < 5; i++)
        close(clients[i]);
}
END_TEST

/* When all places are taken by clients that wait for their answers, there is none for others. */
START_TEST(without_an_idle_client_newcomers_are_refused)
{
    lab.settings.tcp_clients = 2;
    lab_start();
    int clients[3];

    for (unsigned i = 0; i < 2; i++) {
        clients[i] = lab_tcp_client();
        lab_tcp_ask(clients[i], &(struct lab_question){1, "www.signed.example.", TYPE_A, 0, true});
    }
    lab_await(METRIC_QUERIES_TCP, 2);
    clients[2] = lab_tcp_client();
    ck_assert(lab_is_closed(clients[2]));
    ck_assert_uint_eq(lab_metric(METRIC_TCP_REFUSED), 1);
    for (unsigned i = 0; i < 3; i++)
        close(clients[i]);
}
END_TEST

/* No descriptors left: somebody is turned away, nobody spins, and it goes on when there are some.
 */
START_TEST(without_descriptors_newcomers_wait)
{
    struct rlimit before, limit;
    int taken[256], count = 0;
    struct sockaddr_in server = lab_address_of(2);

    lab_start();
    int clients[2] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (struct rlimit){.rlim_cur = COUNT(taken), .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(connect(clients[i], (struct sockaddr *)&server, sizeof server), 0);
    while (lab_metric(METRIC_TCP_REFUSED) == 0)
        usleep(1000); /* until the test's deadline */
    ck_assert(lab_is_closed(clients[0]));
    usleep(50000);
    ck_assert_uint_le(lab_metric(METRIC_TCP_REFUSED), 2);
    while (count > 0)
        close(taken[--count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(clients[0]);
    close(clients[1]);
    int client = lab_tcp_client();
    check_served(client);
    close(client);
}
END_TEST

/* No descriptors left, but clients that do nothing: one of them makes room. */
START_TEST(without_descriptors_an_idle_client_makes_room)
{
    struct rlimit before, limit;
    int taken[256], count = 0;
    struct sockaddr_in server = lab_address_of(2);

    lab_start();
    int idle = lab_tcp_client(), client = socket(AF_INET, SOCK_STREAM, 0);
    check_served(idle);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (struct rlimit){.rlim_cur = COUNT(taken), .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    check_served(client);
    ck_assert(lab_is_closed(idle));
    lab_await(METRIC_TCP_EVICTED, 1);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_SHORTAGES), 1);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_REFUSED), 0);
    while (count > 0)
        close(taken[--count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(idle);
    close(client);
}
END_TEST

START_TEST(limits_can_be_changed_while_running)
{
    lab.settings.tcp_clients = 1;
    lab_start();
    struct settings settings = lab.settings;
    int clients[3];

    settings.tcp_clients = 3;
    worker_configure(&lab.worker, &settings);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = lab_tcp_client();
        check_served(clients[i]);
    }
    lab_await(METRIC_TCP_OPEN, 3);
    settings.tcp_clients = 1;
    worker_configure(&lab.worker, &settings);
    lab_await(METRIC_TCP_OPEN, 1);
    check_served(clients[2]);
    for (unsigned i = 0; i < 3; i++)
        close(clients[i]);
}
END_TEST

/* An address that has more than it may have now gives them up when it wants another one. */
START_TEST(a_share_can_be_changed_while_running)
{
    enum { CLIENTS = 6 };
    int clients[CLIENTS];

    lab_start();
    struct settings settings = lab.settings;
    int other = client_from("127.0.1.1");
    check_served(other);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = client_from("127.0.2.1");
        check_served(clients[i]);
    }
    if (_i)
        settings.tcp_per_network = 2;
    else
        settings.tcp_per_address = 2;
    worker_configure(&lab.worker, &settings);
    int client = client_from("127.0.2.1");
    check_served(client);
    check_served(clients[CLIENTS - 1]);
    check_served(other);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_OPEN), 3);
    ck_assert_uint_eq(lab_metric(METRIC_TCP_EVICTED), CLIENTS - 1);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(clients[i]);
    close(other), close(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/tcp");
    TCase *tests = tcase_create("tcp");

    tcase_add_checked_fixture(tests, lab_open, lab_close);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, questions_on_one_connection_are_answered);
    tcase_add_loop_test(tests, a_pipeline_is_answered_to_the_end, 0, 2);
    tcase_add_test(tests, a_trickle_is_put_together);
    tcase_add_loop_test(tests, a_bad_stream_is_closed, 0, COUNT(bad));
    tcase_add_test(tests, a_client_that_does_not_read_has_to_wait);
    tcase_add_test(tests, who_is_idle_is_closed);
    tcase_add_test(tests, who_writes_too_slowly_is_cut_off);
    tcase_add_test(tests, a_message_has_its_time_from_its_first_octet);
    tcase_add_test(tests, who_reads_too_slowly_is_cut_off);
    tcase_add_test(tests, what_is_not_taken_is_bounded);
    tcase_add_test(tests, what_was_taken_is_not_kept);
    tcase_add_test(tests, what_waits_in_the_kernel_is_not_taken_either);
    tcase_add_loop_test(tests, who_has_asked_is_answered_before_it_makes_room, 0, 2);
    tcase_add_test(tests, who_has_asked_is_answered_before_its_time_is_over);
    tcase_add_test(tests, who_does_not_read_makes_room);
    tcase_add_test(tests, the_fullest_network_makes_room);
    tcase_add_test(tests, an_address_and_a_network_have_their_shares);
    tcase_add_test(tests, a_client_is_told_how_long_it_is_waited_for);
    tcase_add_test(tests, a_newcomer_takes_the_place_of_an_idle_client);
    tcase_add_test(tests, without_an_idle_client_newcomers_are_refused);
    tcase_add_test(tests, without_descriptors_newcomers_wait);
    tcase_add_test(tests, without_descriptors_an_idle_client_makes_room);
    tcase_add_test(tests, limits_can_be_changed_while_running);
    tcase_add_loop_test(tests, a_share_can_be_changed_while_running, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
