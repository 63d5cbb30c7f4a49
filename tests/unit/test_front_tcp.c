/* test_front_tcp.c - connections through a worker: pipelining, limits, idleness, bad streams. */
#include "front_lab.h"

#include <sys/resource.h>

enum { MANY = 1000, QUESTION_OCTETS = 64 };

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
    tcase_add_test(tests, a_newcomer_takes_the_place_of_an_idle_client);
    tcase_add_test(tests, without_an_idle_client_newcomers_are_refused);
    tcase_add_test(tests, without_descriptors_newcomers_wait);
    tcase_add_test(tests, limits_can_be_changed_while_running);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
