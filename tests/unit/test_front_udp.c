/* test_front_udp.c - datagrams through a worker: in batches, from the right address, or not at all.
 */
#include "front_lab.h"

enum { BURST = 200 };

static void open_lab(void)
{
    lab_open();
    lab_start();
}

static const struct lab_question www = {.id = 1, .name = "www.plain.example.", .type = TYPE_A};

static const struct {
    struct lab_question question;
    unsigned rcode, answers;
    bool truncated;
} rows[] = {
    {{1, "www.plain.example.", TYPE_A, 0, false}, RCODE_NOERROR, 1, false},
    {{2, "WWW.plain.EXAMPLE.", TYPE_A, FLAG_RD, true}, RCODE_NOERROR, 1, false},
    {{3, "plain.example.", TYPE_SOA, 0, false}, RCODE_NOERROR, 1, false},
    {{4, "none.plain.example.", TYPE_A, 0, false}, RCODE_NXDOMAIN, 0, false},
    {{5, "www.plain.example.", TYPE_MX, 0, false}, RCODE_NOERROR, 0, false},
    {{6, "elsewhere.", TYPE_A, 0, false}, RCODE_REFUSED, 0, false},
    {{7, "big.plain.example.", TYPE_TXT, 0, false}, RCODE_NOERROR, 0, true},
    {{8, "www.plain.example.", TYPE_A, 2 << 11, false}, RCODE_NOTIMP, 0, false},
};

START_TEST(a_question_is_answered)
{
    int client = lab_udp_client();

    lab_udp_ask(client, &rows[_i].question);
    struct lab_answer answer = lab_udp_answer(client);
    ck_assert_uint_eq(answer.header.id, rows[_i].question.id);
    ck_assert_uint_eq(answer.rcode, rows[_i].rcode);
    ck_assert_uint_eq(answer.header.counts[SECTION_ANSWER], rows[_i].answers);
    ck_assert_int_eq(answer.truncated, rows[_i].truncated);
    lab_await(METRIC_RESPONSES, 1);
    ck_assert_uint_eq(lab_metric(METRIC_QUERIES_UDP), 1);
    ck_assert_uint_eq(lab_metric(METRIC_RESPONSE_OCTETS), answer.length);
    ck_assert_uint_eq(lab_metric(METRIC_TRUNCATED), rows[_i].truncated);
    close(client);
}
END_TEST

/* More than a batch at once; each comes back, to the one who asked. */
START_TEST(a_burst_is_answered)
{
    int clients[2] = {lab_udp_client(), lab_udp_client()};
    bool seen[2][BURST] = {{false}};

    for (unsigned i = 0; i < BURST; i++) {
        struct lab_question question = www;
        question.id = (uint16_t)i;
        lab_udp_ask(clients[i % 2], &question);
    }
    for (unsigned i = 0; i < BURST; i++) {
        struct lab_answer answer = lab_udp_answer(clients[i % 2]);
        ck_assert_uint_lt(answer.header.id, BURST);
        ck_assert_uint_eq(answer.header.id % 2, i % 2);
        ck_assert(!seen[i % 2][answer.header.id]);
        seen[i % 2][answer.header.id] = true;
    }
    lab_await(METRIC_RESPONSES, BURST);
    ck_assert_uint_eq(lab_metric(METRIC_CACHE_HITS) + lab_metric(METRIC_CACHE_MISSES), BURST);
    close(clients[0]);
    close(clients[1]);
}
END_TEST

/* No answer, and those that come behind are answered all the same. */
START_TEST(what_is_no_question_is_dropped)
{
    int client = lab_udp_client();
    uint8_t long_one[4000] = {0};
    struct lab_question response = www;

    response.flags = FLAG_QR;
    lab_udp_ask(client, &response);
    ck_assert_int_eq(send(client, "short", 5, 0), 5);
    ck_assert_int_eq(send(client, "", 0, 0), 0);
    ck_assert_int_eq(send(client, long_one, sizeof long_one, 0), sizeof long_one);
    lab_udp_ask(client, &www);
    struct lab_answer answer = lab_udp_answer(client);
    ck_assert_uint_eq(answer.header.id, www.id);
    lab_await(METRIC_DROPPED_MALFORMED, 4);
    ck_assert(!lab_comes(client, 20));
    close(client);
}
END_TEST

START_TEST(an_answer_leaves_from_the_address_that_was_asked)
{
    struct sockaddr_in server = lab_address_of(1), from;
    socklen_t length = sizeof from;
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t octets[512];
    size_t size = lab_write(octets, sizeof octets, &www);

    ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.3", &server.sin_addr), 1);
    ck_assert_int_eq(sendto(client, octets, size, 0, (struct sockaddr *)&server, sizeof server),
                     (ssize_t)size);
    ck_assert(lab_comes(client, LAB_WAIT_MS));
    ck_assert_int_gt(recvfrom(client, octets, sizeof octets, 0, (struct sockaddr *)&from, &length),
                     0);
    ck_assert_uint_eq(from.sin_addr.s_addr, server.sin_addr.s_addr);
    ck_assert_uint_eq(from.sin_port, server.sin_port);
    /* And the other socket, which does not ask for addresses, goes on. */
    int other = lab_udp_client();
    lab_udp_ask(other, &www);
    (void)lab_udp_answer(other);
    close(other);
    close(client);
}
END_TEST

/* Sockets of one worker share their buffers: a short address must leave room for a long one. */
START_TEST(both_families_are_answered_in_turn)
{
    struct sockaddr_in6 server;
    socklen_t length = sizeof server;

    if (lab.socket_count < LAB_SOCKETS)
        return; /* no IPv6 here */
    int clients[] = {lab_udp_client(), socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ck_assert_int_eq(getsockname(lab.sockets[3].descriptor, (struct sockaddr *)&server, &length),
                     0);
    ck_assert_int_eq(connect(clients[1], (struct sockaddr *)&server, length), 0);
    for (unsigned i = 0; i < 4; i++) {
        lab_udp_ask(clients[i % 2], &www);
        ck_assert_uint_eq(lab_udp_answer(clients[i % 2]).rcode, RCODE_NOERROR);
    }
    close(clients[0]);
    close(clients[1]);
}
END_TEST

START_TEST(a_commit_shows_in_the_next_answer)
{
    int client = lab_udp_client();
    struct change change;

    lab_udp_ask(client, &www);
    ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_NOERROR);
    begin(&change, &lab.store.store);
    struct name apex = name_of("plain.example.");
    change_delete_zone(&change, &apex);
    commit(&change);
    lab_udp_ask(client, &www);
    ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_REFUSED);
    close(client);
}
END_TEST

START_TEST(larger_answers_can_be_allowed_while_running)
{
    int client = lab_udp_client();
    const uint8_t opt[] = {0, 0, TYPE_OPT, 0x10, 0, 0, 0, 0, 0, 0, 0};
    uint8_t octets[512];
    struct settings settings = lab.settings;
    struct lab_answer answer;

    size_t size = lab_write(octets, sizeof octets,
                            &(struct lab_question){9, "big.plain.example.", TYPE_TXT, 0, false});
    memcpy(octets + size, opt, sizeof opt);
    octets[11] = 1;
    ck_assert_int_gt(send(client, octets, size + sizeof opt, 0), 0);
    answer = lab_udp_answer(client);
    ck_assert(answer.truncated && answer.length <= 1232);
    settings.udp_payload = 4096;
    worker_configure(&lab.worker, &settings);
    for (unsigned tries = 0; answer.truncated && tries < 100; tries++) {
        ck_assert_int_gt(send(client, octets, size + sizeof opt, 0), 0);
        answer = lab_udp_answer(client);
    }
    ck_assert(!answer.truncated);
    ck_assert_uint_gt(answer.length, 1232);
    ck_assert_uint_eq(answer.header.counts[SECTION_ANSWER], LAB_BIG_STRINGS);
    close(client);
}
END_TEST

/* More waits than is answered in time: names that are there go on being answered, denials are left
 * out until less waits. How much the socket takes depends on who runs the test. */
START_TEST(behind_names_come_before_denials)
{
    enum { QUESTIONS = 2000, NAME_EVERY = 10, OCTETS = 4 << 20 };
    char name[64]; /* another one each time: none is kept */
    struct lab_question none = {.id = 2, .name = name, .type = TYPE_A};
    const int octets = OCTETS;

    lab_open();
    if (setsockopt(lab.sockets[0].descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets))
        (void)setsockopt(lab.sockets[0].descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    int flooder = lab_udp_client(), client = lab_udp_client();
    for (unsigned i = 0; i < QUESTIONS; i++) {
        (void)snprintf(name, sizeof name, "n%u.plain.example.", i);
        lab_udp_ask(flooder, i % NAME_EVERY ? &none : &www);
    }
    lab_start();
    do /* until there is room for it */
        lab_udp_ask(client, &www);
    while (!lab_comes(client, 100));
    uint64_t received = lab_metric(METRIC_QUERIES_UDP), names = lab_metric(METRIC_RCODE_NOERROR);
    ck_assert_uint_gt(lab_metric(METRIC_DROPPED_LOAD), 0);
    lab_await(METRIC_RESPONSES, received - lab_metric(METRIC_DROPPED_LOAD));
    ck_assert_uint_gt(names, received / NAME_EVERY); /* each of them, and the last */
    lab_udp_ask(client, &none);
    while (lab_udp_answer(client).rcode != RCODE_NXDOMAIN) /* as before */
        ;
    close(client);
    close(flooder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/udp");
    TCase *tests = tcase_create("udp");

    tcase_add_checked_fixture(tests, open_lab, lab_close);
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, a_question_is_answered, 0, COUNT(rows));
    tcase_add_test(tests, a_burst_is_answered);
    tcase_add_test(tests, what_is_no_question_is_dropped);
    tcase_add_test(tests, an_answer_leaves_from_the_address_that_was_asked);
    tcase_add_test(tests, both_families_are_answered_in_turn);
    tcase_add_test(tests, a_commit_shows_in_the_next_answer);
    tcase_add_test(tests, larger_answers_can_be_allowed_while_running);
    suite_add_tcase(suite, tests);
    TCase *late = tcase_create("behind");
    tcase_add_checked_fixture(late, NULL, lab_close);
    tcase_add_test(late, behind_names_come_before_denials);
    suite_add_tcase(suite, late);
    return run_suite(suite);
}
