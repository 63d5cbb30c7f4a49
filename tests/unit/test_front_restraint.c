/* test_front_restraint.c - what the rate limit does to datagrams through a worker: whom it holds
 * back and how, and what it leaves alone. */
#include "front_lab.h"

#include "avow/config/config.h"

/* So many questions are put at most; far fewer bring out what is waited for. */
enum { PATIENCE = 2000 };

static const struct lab_question www = {.id = 1, .name = "www.plain.example.", .type = TYPE_A};
static const struct lab_question none = {.id = 2, .name = "x.plain.example.", .type = TYPE_A};

/* One answer a second, and what a test wants to be different. plain.example. may be without limit.
 */
static struct limits *limits_with(struct config_rate_limit rate, bool zone_is_limited)
{
    struct config_zone zone = {.name = name_of("plain.example."), .rate_limit = zone_is_limited};
    struct limits *limits;

    if (!rate.window)
        rate.window = 15;
    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        rate.classes[i] = rate.classes[i] ? rate.classes[i] : 1;
    const struct config config = {.rate_limit = rate, .zones = &zone, .zone_count = 1};
    ck_assert_int_eq(limits_make(&limits, &config), RESULT_OK);
    ck_assert_ptr_nonnull(limits);
    return limits;
}

static void start_with(struct config_rate_limit rate)
{
    lab.settings.limits = limits_with(rate, true);
    lab_start();
}

static int client_from(const char *address)
{
    struct sockaddr_in server = lab_address_of(0), own = {.sin_family = AF_INET};
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(inet_pton(AF_INET, address, &own.sin_addr), 1);
    ck_assert_int_eq(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    return client;
}

/* Ask again and again until this counter has moved by so much. What is answered is thrown away.
 * Returns how often. */
static unsigned ask_until(int client, const struct lab_question *question, enum metric metric,
                          uint64_t value)
{
    uint8_t octets[4096];
    unsigned i = 0;

    for (; lab_metric(metric) < value; i++) {
        ck_assert_msg(i < PATIENCE, "%s does not come to %llu", metric_name(metric),
                      (unsigned long long)value);
        lab_udp_ask(client, question);
        usleep(200);
        while (recv(client, octets, sizeof octets, MSG_DONTWAIT) > 0)
            continue;
    }
    return i;
}

/* All that was asked has been counted one way or the other. */
static void check_sums(void)
{
    uint64_t limited = 0;

    for (unsigned i = METRIC_LIMITED_POSITIVE; i <= METRIC_LIMITED_UNREAD; i++)
        limited += lab_metric((enum metric)i);
    ck_assert_uint_eq(limited, lab_metric(METRIC_DROPPED_LIMIT) + lab_metric(METRIC_SLIPPED_LIMIT) +
                                   lab_metric(METRIC_LEAKED_LIMIT) +
                                   lab_metric(METRIC_SPARED_LIMIT));
}

static void is_served_freely(int client, const struct lab_question *question)
{
    for (unsigned i = 0; i < 10; i++) {
        lab_udp_ask(client, question);
        ck_assert(!lab_udp_answer(client).truncated);
    }
}

START_TEST(over_the_limit_an_answer_is_shortened)
{
    int client = lab_udp_client();
    struct lab_answer answer = {.truncated = false};
    struct lab_question question = www;

    question.dnssec_ok = true; /* an OPT in, an OPT out, and not more in it */
    start_with((struct config_rate_limit){.slip = 1});
    lab_udp_ask(client, &question);
    answer = lab_udp_answer(client);
    ck_assert(!answer.truncated && answer.header.counts[SECTION_ANSWER] == 1);
    for (unsigned i = 0; i < PATIENCE && !answer.truncated; i++) {
        lab_udp_ask(client, &question);
        answer = lab_udp_answer(client);
    }
    uint8_t octets[512];
    ck_assert(answer.truncated);
    ck_assert_uint_eq(answer.rcode, RCODE_NOERROR);
    ck_assert_uint_eq(answer.header.id, www.id);
    ck_assert_uint_eq(answer.header.counts[SECTION_QUESTION], 1);
    ck_assert_uint_eq(answer.header.counts[SECTION_ANSWER], 0);
    ck_assert_uint_eq(answer.header.counts[SECTION_AUTHORITY], 0);
    ck_assert_uint_eq(answer.length, lab_write(octets, sizeof octets, &question));
    lab_await(METRIC_SLIPPED_LIMIT, 1);
    lab_await(METRIC_TRUNCATED, 1);
    lab_await(METRIC_RCODE_NOERROR, lab_metric(METRIC_RESPONSES));
    ck_assert_uint_eq(lab_metric(METRIC_DROPPED_LIMIT), 0);
    check_sums();
    close(client);
}
END_TEST

/* www, with a client cookie, and the server's name is asked for. */
static size_t write_curious(uint8_t octets[512])
{
    static const uint8_t cookie[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct writer writer = {.octets = octets, .length = lab_write(octets, 512, &www), .limit = 512};

    octets[11] = 1;
    edns_write(&writer, &(struct edns_reply){.payload = 1232,
                                             .nsid = cookie, /* nothing of it */
                                             .cookie = cookie,
                                             .cookie_length = sizeof cookie,
                                             .extended_error = EDE_NONE});
    return writer.length;
}

/* Octets of what has been answered by now. */
static size_t take_all(int client)
{
    uint8_t octets[4096];
    size_t sum = 0;
    ssize_t length;

    while ((length = recv(client, octets, sizeof octets, MSG_DONTWAIT)) > 0)
        sum += (size_t)length;
    return sum;
}

static const enum config_cookies_require requirements[] = {CONFIG_COOKIES_NEVER,
                                                           CONFIG_COOKIES_PRESSURE};

/* TC or BADCOOKIE with a cookie that is longer than the client's, and a name that it asks for: on
 * average no more octets go out than come in. What chance allows is seven standard deviations. */
START_TEST(what_goes_out_is_paid_for_by_what_comes_in)
{
    enum { ROUNDS = 50, EACH = 20 };
    uint8_t octets[512];
    size_t length = write_curious(octets), out = 0;
    int client = lab_udp_client();

    memset(lab.settings.identity, 'n', 200);
    lab.settings.cookies_require = requirements[_i];
    lab.settings.cookies.count = 1;
    start_with((struct config_rate_limit){.slip = 1, .window = 300});
    uint64_t asked = ask_until(client, &www, METRIC_SLIPPED_LIMIT, 5);
    lab_await(METRIC_QUERIES_UDP, asked);
    (void)take_all(client);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++)
            ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
        asked += EACH;
        lab_await(METRIC_QUERIES_UDP, asked);
        out += take_all(client);
    }
    worker_stop(&lab.worker);
    out += take_all(client);
    ck_assert_uint_le(100 * out, 112 * length * ROUNDS * EACH);
    ck_assert_uint_ge(100 * out, 80 * length * ROUNDS * EACH);
    ck_assert_int_eq(lab_metric(METRIC_RCODE_BADCOOKIE) > 0,
                     requirements[_i] == CONFIG_COOKIES_PRESSURE);
    check_sums();
    close(client);
}
END_TEST

START_TEST(by_tcp_there_is_no_limit)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.slip = 1});
    ask_until(client, &www, METRIC_SLIPPED_LIMIT, 5);
    int stream = lab_tcp_client();
    for (unsigned i = 0; i < 20; i++) {
        struct lab_answer answer;
        lab_tcp_ask(stream, &www);
        ck_assert(lab_tcp_answer(stream, &answer));
        ck_assert(!answer.truncated && answer.header.counts[SECTION_ANSWER] == 1);
    }
    close(stream);
    close(client);
}
END_TEST

START_TEST(without_slip_all_are_dropped)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.slip = 0});
    ask_until(client, &www, METRIC_DROPPED_LIMIT, 100);
    ck_assert_uint_eq(lab_metric(METRIC_SLIPPED_LIMIT), 0);
    worker_stop(&lab.worker);
    ck_assert_uint_eq(lab_metric(METRIC_QUERIES_UDP),
                      lab_metric(METRIC_RESPONSES) + lab_metric(METRIC_DROPPED_LIMIT));
    check_sums();
    close(client);
}
END_TEST

/* By chance: a half, within what chance allows (five standard deviations). */
START_TEST(slip_is_one_in_so_many)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.slip = 2});
    ask_until(client, &www, METRIC_DROPPED_LIMIT, 200);
    ck_assert_uint_gt(lab_metric(METRIC_SLIPPED_LIMIT), 100);
    ck_assert_uint_lt(lab_metric(METRIC_SLIPPED_LIMIT), 300);
    check_sums();
    close(client);
}
END_TEST

START_TEST(leak_is_one_in_so_many)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.leak = 2});
    ask_until(client, &www, METRIC_LEAKED_LIMIT, 50);
    ck_assert_uint_gt(lab_metric(METRIC_DROPPED_LIMIT), 10);
    ck_assert_uint_ge(lab_metric(METRIC_CACHE_HITS), 49); /* made and sent as they are */
    check_sums();
    close(client);
}
END_TEST

START_TEST(others_are_not_held_back)
{
    int flooder = client_from("127.0.1.1"), client;

    start_with((struct config_rate_limit){.slip = 0});
    ask_until(flooder, &www, METRIC_DROPPED_LIMIT, 50);
    client = client_from("127.0.1.2"); /* a neighbour */
    lab_udp_ask(client, &www);
    ck_assert(!lab_udp_answer(client).truncated);
    close(client);
    client = client_from("127.0.2.1");
    lab_udp_ask(client, &www);
    ck_assert(!lab_udp_answer(client).truncated);
    close(client);
    close(flooder);
}
END_TEST

START_TEST(who_is_exempt_is_never_held_back)
{
    struct config_prefix exempt[] = {{.family = 6, .length = 0},
                                     {.family = 4, .length = 24, .octets = {127, 0, 1, 0}}};
    int client = client_from("127.0.1.77"), other = client_from("127.0.2.1");

    start_with(
        (struct config_rate_limit){.slip = 1, .exempt = exempt, .exempt_count = COUNT(exempt)});
    is_served_freely(client, &www);
    ask_until(other, &www, METRIC_SLIPPED_LIMIT, 3);
    is_served_freely(client, &www);
    close(client);
    close(other);
}
END_TEST

START_TEST(a_zone_may_be_without_limit)
{
    int client = lab_udp_client();
    const struct lab_question elsewhere = {.id = 3, .name = "elsewhere.", .type = TYPE_A};

    lab.settings.limits = limits_with((struct config_rate_limit){.slip = 1, .window = 1}, false);
    lab_start();
    is_served_freely(client, &www);
    ck_assert_uint_eq(lab_metric(METRIC_SLIPPED_LIMIT), 0);
    ask_until(client, &elsewhere, METRIC_LIMITED_UNREAD, 5);
    is_served_freely(client, &www);
    close(client);
}
END_TEST

START_TEST(dry_run_counts_and_sends)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.slip = 1, .dry_run = true});
    is_served_freely(client, &www);
    ask_until(client, &www, METRIC_SPARED_LIMIT, 50);
    is_served_freely(client, &www);
    ck_assert_uint_eq(lab_metric(METRIC_SLIPPED_LIMIT), 0);
    ck_assert_uint_eq(lab_metric(METRIC_DROPPED_LIMIT), 0);
    check_sums();
    close(client);
}
END_TEST

START_TEST(a_class_is_told_from_others)
{
    int client = lab_udp_client();
    struct config_rate_limit rate = {.slip = 1, .window = 300};

    rate.classes[CONFIG_CLASS_POSITIVE] = 1000000;
    start_with(rate);
    ask_until(client, &none, METRIC_LIMITED_NXDOMAIN, 3);
    ck_assert_uint_eq(lab_metric(METRIC_LIMITED_POSITIVE), 0);
    check_sums();
    close(client);
}
END_TEST

/* Whoever is far over the limit costs no look-up; what is the desk's goes there all the same. */
START_TEST(far_over_nothing_is_looked_up)
{
    int client = lab_udp_client();

    start_with((struct config_rate_limit){.slip = 0, .window = 15});
    ask_until(client, &www, METRIC_LIMITED_UNREAD, 20);
    const struct lab_question update = {
        .id = 4, .name = "plain.example.", .type = TYPE_SOA, .flags = OPCODE_UPDATE << 11};
    lab_udp_ask(client, &update);
    (void)lab_letter(lab.desk, MESSAGE_HANDOFF);
    close(client);
}
END_TEST

/* What needs a signature costs as much as twenty, and no more signatures are made for whoever is
 * over the limit. */
START_TEST(signatures_are_not_made_for_whoever_is_over_the_limit)
{
    int client = lab_udp_client();
    const struct lab_question signed_one = {
        .id = 5, .name = "www.signed.example.", .type = TYPE_A, .dnssec_ok = true};
    const struct lab_question signed_other = {
        .id = 6, .name = "signed.example.", .type = TYPE_SOA, .dnssec_ok = true};

    /* Two plain answers would be sent: it is the price of the signature that holds back. */
    start_with((struct config_rate_limit){.slip = 1, .window = 300, .classes = {2, 2, 2, 2, 2}});
    lab_udp_ask(client, &signed_one);
    (void)lab_letter(lab.keeper, MESSAGE_WANT);
    lab_udp_ask(client, &signed_other);
    ck_assert(lab_udp_answer(client).truncated);
    lab_await(METRIC_SLIPPED_LIMIT, 1);
    worker_stop(&lab.worker);
    ck_assert(!lab_comes(lab.keeper, 0));
    close(client);
}
END_TEST

/* The desk answers an update: whether that comes to its client is told by a counter. */
static void answer_from_desk(int client, uint8_t trusted)
{
    static const struct lab_question update = {
        .id = 7, .name = "plain.example.", .type = TYPE_SOA, .flags = OPCODE_UPDATE << 11};
    uint8_t octets[512];

    lab_udp_ask(client, &update);
    const struct message_handoff *handoff = &lab_letter(lab.desk, MESSAGE_HANDOFF)->handoff;
    memcpy(octets, handoff->message.octets, handoff->message.length);
    octets[2] |= FLAG_QR >> 8;
    octets[3] |= RCODE_REFUSED;
    struct message reply = {.kind = MESSAGE_REPLY,
                            .reply = {.trusted = trusted,
                                      .socket = handoff->socket,
                                      .client = handoff->client,
                                      .local = handoff->local,
                                      .message = span_of(octets, handoff->message.length)}};
    lab_send_letter(lab.desk, &reply);
}

/* Who shows a key is answered, whatever was done in its name; nobody else is more than by us. */
START_TEST(the_desk_does_not_answer_strangers_without_limit)
{
    int client = lab_udp_client();
    uint64_t letters = 0;

    start_with((struct config_rate_limit){.slip = 1, .window = 300});
    for (unsigned i = 0; i < 20; i++) {
        answer_from_desk(client, false);
        lab_await(METRIC_LETTERS, ++letters);
    }
    ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_REFUSED);
    (void)take_all(client);
    for (unsigned i = 0; i < 5; i++) {
        answer_from_desk(client, true);
        ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_REFUSED);
    }
    ck_assert_uint_gt(lab_metric(METRIC_DROPPED_LIMIT), 10);
    ck_assert_uint_eq(lab_metric(METRIC_LIMITED_ERROR), lab_metric(METRIC_DROPPED_LIMIT));
    ck_assert_uint_eq(lab_metric(METRIC_SLIPPED_LIMIT), 0);
    check_sums();
    close(client);
}
END_TEST

START_TEST(the_desk_answers_of_a_zone_without_limit)
{
    int client = lab_udp_client();

    lab.settings.limits = limits_with((struct config_rate_limit){.slip = 0}, false);
    lab_start();
    for (unsigned i = 0; i < 10; i++) {
        answer_from_desk(client, false);
        ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_REFUSED);
    }
    close(client);
}
END_TEST

/* What happens to a question, without a worker. */
static enum restraint_verdict fate_of(struct restraint *restraint, const struct request *request,
                                      bool known_client)
{
    static const struct outcome outcome = {.kind = ANSWER_POSITIVE, .length = 100};
    const struct zone_table zones = {.slots = NULL};
    struct query query;

    enum restraint_verdict verdict = restraint_meet(restraint, request);
    ck_assert_int_eq(query_read(request->octets, request->length, &query), ANSWER_SEND);
    if (verdict == RESTRAINT_SEND)
        verdict = restraint_before(restraint, &query, &zones, known_client, 0);
    return verdict == RESTRAINT_SEND ? restraint_after(restraint, &outcome, false) : verdict;
}

START_TEST(who_is_known_is_served_whatever_is_done_in_its_name)
{
    struct restraint restraint = {.limiter = &lab.limiter};
    union address client = {.four = {.sin_family = AF_INET}};
    uint8_t octets[512];
    struct lab_question question = www;

    lab_start();
    question.dnssec_ok = true; /* an OPT, in which a cookie may be */
    struct request request = {
        .octets = octets, .length = lab_write(octets, sizeof octets, &question), .client = &client};
    struct limits *limits = limits_with((struct config_rate_limit){.slip = 0}, true);
    restraint_configure(&restraint, limits);
    limits_let_go(limits);
    restraint_begin(&restraint, 1000);
    ck_assert_int_eq(fate_of(&restraint, &request, false), RESTRAINT_SEND);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(fate_of(&restraint, &request, false), RESTRAINT_DROP);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(fate_of(&restraint, &request, true), RESTRAINT_SEND);
    ck_assert_int_eq(fate_of(&restraint, &request, true), RESTRAINT_DROP); /* for itself */
    restraint_close(&restraint);
}
END_TEST

START_TEST(limits_come_and_go_while_running)
{
    int client = lab_udp_client();
    struct settings settings = lab.settings;

    lab_start();
    is_served_freely(client, &www);
    settings.limits = limits_with((struct config_rate_limit){.slip = 1}, true);
    worker_configure(&lab.worker, &settings);
    worker_configure(&lab.worker, &settings); /* the first may never be looked at */
    ask_until(client, &www, METRIC_SLIPPED_LIMIT, 20);
    limits_let_go(settings.limits);
    settings.limits = NULL;
    worker_configure(&lab.worker, &settings);
    struct lab_answer answer = {.truncated = true};
    for (unsigned i = 0; i < PATIENCE && answer.truncated; i++) {
        lab_udp_ask(client, &www);
        answer = lab_udp_answer(client);
    }
    is_served_freely(client, &www);
    settings.limits = limits_with((struct config_rate_limit){.slip = 1}, true);
    worker_configure(&lab.worker, &settings); /* it is closed with or without these */
    limits_let_go(settings.limits);
    close(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/restraint");
    TCase *tests = tcase_create("restraint");

    tcase_add_checked_fixture(tests, lab_open, lab_close);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, over_the_limit_an_answer_is_shortened);
    tcase_add_loop_test(tests, what_goes_out_is_paid_for_by_what_comes_in, 0, COUNT(requirements));
    tcase_add_test(tests, by_tcp_there_is_no_limit);
    tcase_add_test(tests, without_slip_all_are_dropped);
    tcase_add_test(tests, slip_is_one_in_so_many);
    tcase_add_test(tests, leak_is_one_in_so_many);
    tcase_add_test(tests, others_are_not_held_back);
    tcase_add_test(tests, who_is_exempt_is_never_held_back);
    tcase_add_test(tests, a_zone_may_be_without_limit);
    tcase_add_test(tests, dry_run_counts_and_sends);
    tcase_add_test(tests, a_class_is_told_from_others);
    tcase_add_test(tests, far_over_nothing_is_looked_up);
    tcase_add_test(tests, signatures_are_not_made_for_whoever_is_over_the_limit);
    tcase_add_test(tests, the_desk_does_not_answer_strangers_without_limit);
    tcase_add_test(tests, the_desk_answers_of_a_zone_without_limit);
    tcase_add_test(tests, who_is_known_is_served_whatever_is_done_in_its_name);
    tcase_add_test(tests, limits_come_and_go_while_running);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
