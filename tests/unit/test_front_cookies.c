/* test_front_cookies.c - cookies through a worker: whom they are for, when they are asked for, what
 * is counted, and that a new secret takes effect while it runs. */
#include "front_lab.h"

#include <string.h>

enum { CLIENT_OCTETS = 8 };

/* An option to be sent, and what came back. */
struct cookie {
    size_t length;
    uint8_t octets[EDNS_COOKIE_MAX_OCTETS];
};

struct reply {
    unsigned rcode, answers;
    struct cookie cookie;
};

static const struct cookie fresh = {CLIENT_OCTETS, "CLIENT_0"};
static const uint8_t secret[COOKIE_SECRET_OCTETS] = "a secret of ours";

static void use_secret(struct settings *settings, const uint8_t octets[COOKIE_SECRET_OCTETS])
{
    memcpy(settings->cookies.octets[settings->cookies.count++], octets, COOKIE_SECRET_OCTETS);
}

static void open_with(enum config_cookies_require require)
{
    lab_open();
    use_secret(&lab.settings, secret);
    lab.settings.cookies_require = require;
    lab_start();
}

static void open_lab(void)
{
    open_with(CONFIG_COOKIES_PRESSURE);
}

/* ---- messages --------------------------------------------------------------------------------*/

/* A query for an address of plain.example., or when `name` is NULL for nothing, with a cookie. */
static size_t write_query(uint8_t octets[512], const char *name, const struct cookie *cookie)
{
    struct writer writer = writer_over(octets, 512);
    const struct header header = {7, 0, {name != NULL, 0, 0, 1}};

    header_write(&writer, &header);
    if (name) {
        struct name owner = name_of(name);
        name_write(&writer, &owner);
        writer_u16(&writer, TYPE_A);
        writer_u16(&writer, CLASS_IN);
    }
    edns_write(&writer, &(struct edns_reply){.payload = 1232,
                                             .cookie = cookie->length ? cookie->octets : NULL,
                                             .cookie_length = (uint16_t)cookie->length,
                                             .extended_error = EDE_NONE});
    ck_assert(!writer.failed);
    return writer.length;
}

static struct reply read_reply(const uint8_t *octets, size_t length)
{
    struct reader message = reader_over(octets, length);
    struct header header;
    struct question question;
    struct record record;
    struct edns edns = {.present = false};

    header_read(&message, &header);
    if (header.counts[SECTION_QUESTION])
        question_read(&message, &question);
    while (reader_left(&message) && !message.failed) {
        record_read(&message, &record);
        if (!message.failed && record.type == TYPE_OPT)
            ck_assert_int_eq(edns_read(&record, &edns), RESULT_OK);
    }
    ck_assert(!message.failed && edns.present);
    struct reply reply = {.rcode = (header.flags & FLAG_RCODE) | record.ttl >> 24 << 4,
                          .answers = header.counts[SECTION_ANSWER],
                          .cookie = {.length = edns.cookie_length}};
    memcpy(reply.cookie.octets, edns.cookie, edns.cookie_length);
    return reply;
}

static struct reply ask_at(int client, const char *name, const struct cookie *cookie)
{
    uint8_t octets[4096];
    size_t length = write_query(octets, name, cookie);

    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    ck_assert_msg(lab_comes(client, LAB_WAIT_MS), "no answer came");
    ssize_t got = recv(client, octets, sizeof octets, 0);
    ck_assert_int_gt(got, 0);
    return read_reply(octets, (size_t)got);
}

static struct reply ask(const char *name, const struct cookie *cookie)
{
    int client = lab_udp_client();
    struct reply reply = ask_at(client, name, cookie);

    close(client);
    return reply;
}

static struct reply ask_by_tcp(const char *name, const struct cookie *cookie)
{
    uint8_t octets[4096];
    int client = lab_tcp_client();
    size_t length = write_query(octets + 2, name, cookie);

    octets[0] = (uint8_t)(length >> 8);
    octets[1] = (uint8_t)length;
    ck_assert_int_eq(send(client, octets, length + 2, MSG_NOSIGNAL), (ssize_t)length + 2);
    ck_assert(lab_tcp_take(client, octets, 2));
    length = (size_t)octets[0] << 8 | octets[1];
    ck_assert(lab_tcp_take(client, octets, length));
    close(client);
    return read_reply(octets, length);
}

static void check(const struct reply *reply, unsigned rcode, unsigned answers)
{
    ck_assert_uint_eq(reply->rcode, rcode);
    ck_assert_uint_eq(reply->answers, answers);
}

static struct cookie spoilt(const struct cookie *cookie)
{
    struct cookie other = *cookie;

    other.octets[other.length - 1] ^= 1;
    return other;
}

static void await_counts(uint64_t good, uint64_t bad, uint64_t client)
{
    lab_await(METRIC_COOKIES_GOOD, good);
    lab_await(METRIC_COOKIES_BAD, bad);
    lab_await(METRIC_COOKIES_CLIENT, client);
}

static const char www[] = "www.plain.example.";

/* ---- without pressure ------------------------------------------------------------------------*/

START_TEST(a_cookie_is_given_and_known_again)
{
    struct reply first = ask(www, &fresh);

    check(&first, RCODE_NOERROR, 1);
    ck_assert_uint_eq(first.cookie.length, COOKIE_OCTETS);
    ck_assert_mem_eq(first.cookie.octets, fresh.octets, fresh.length);

    /* From the cache and from the store, by both transports. */
    for (unsigned i = 0; i < 4; i++) {
        struct reply next = i == 3 ? ask_by_tcp(www, &first.cookie) : ask(www, &first.cookie);
        check(&next, RCODE_NOERROR, 1);
        ck_assert_mem_eq(next.cookie.octets, first.cookie.octets, COOKIE_OCTETS);
    }
    const struct cookie bad = spoilt(&first.cookie);
    struct reply other = ask(www, &bad);
    check(&other, RCODE_NOERROR, 1);
    ck_assert_uint_eq(other.cookie.length, COOKIE_OCTETS);
    ck_assert(memcmp(other.cookie.octets, bad.octets, COOKIE_OCTETS) != 0);
    await_counts(4, 1, 1);
    ck_assert_uint_ge(lab_metric(METRIC_CACHE_HITS), 2);
}
END_TEST

START_TEST(who_sends_none_gets_none)
{
    struct reply reply = ask(www, &(struct cookie){.length = 0});

    check(&reply, RCODE_NOERROR, 1);
    ck_assert_uint_eq(reply.cookie.length, 0);
    await_counts(0, 0, 0);
}
END_TEST

/* One cookie after the other on the same connection of another client: none sees what is not its
 * own. */
START_TEST(clients_are_told_apart)
{
    static const struct cookie others = {CLIENT_OCTETS, "CLIENT_1"};
    int client = lab_udp_client();

    for (unsigned i = 0; i < 6; i++) {
        const struct cookie *mine = i % 2 ? &others : &fresh;
        struct reply reply = ask_at(client, www, mine);
        ck_assert_mem_eq(reply.cookie.octets, mine->octets, mine->length);
    }
    close(client);
    await_counts(0, 0, 6);
}
END_TEST

START_TEST(both_families_have_cookies)
{
    struct sockaddr_in6 server;
    socklen_t length = sizeof server;

    if (lab.socket_count < 4)
        return; /* a machine without IPv6 */
    ck_assert_int_eq(getsockname(lab.sockets[3].descriptor, (struct sockaddr *)&server, &length),
                     0);
    int client = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    struct reply first = ask_at(client, www, &fresh);
    check(&first, RCODE_NOERROR, 1);
    struct reply next = ask_at(client, www, &first.cookie);
    ck_assert_mem_eq(next.cookie.octets, first.cookie.octets, COOKIE_OCTETS);
    await_counts(1, 0, 1);
    close(client);
    struct reply other = ask(www, &first.cookie); /* it is another client's */
    check(&other, RCODE_NOERROR, 1);
    await_counts(1, 1, 1);
}
END_TEST

/* RFC 7873 section 5.4, by both transports. */
START_TEST(a_cookie_alone_is_asked_for)
{
    struct reply first = ask(NULL, &fresh);

    check(&first, RCODE_NOERROR, 0);
    ck_assert_uint_eq(first.cookie.length, COOKIE_OCTETS);
    struct reply good = ask(NULL, &first.cookie);
    check(&good, RCODE_NOERROR, 0);
    const struct cookie bad = spoilt(&first.cookie);
    struct reply refused = ask(NULL, &bad);
    check(&refused, RCODE_BADCOOKIE, 0);
    ck_assert_uint_eq(refused.cookie.length, COOKIE_OCTETS);
    refused = ask_by_tcp(NULL, &bad);
    check(&refused, RCODE_BADCOOKIE, 0);
    lab_await(METRIC_RCODE_BADCOOKIE, 2);
}
END_TEST

/* While a question waits for its signature others are answered: it gets its own cookie all the
 * same, and is counted once. */
START_TEST(who_waits_gets_its_own)
{
    static const struct cookie others = {CLIENT_OCTETS, "CLIENT_1"};
    int client = lab_udp_client();
    uint8_t octets[4096];
    size_t length = write_query(octets, "www.signed.example.", &fresh);

    octets[length - 12 - 4] = 0x80; /* DO, before the length of the options */
    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    uint64_t id = lab_letter(lab.keeper, MESSAGE_WANT)->want.id;
    (void)ask(www, &others);
    lab_sign("www.signed.example.", TYPE_A);
    lab_send_letter(lab.keeper, &(struct message){.kind = MESSAGE_STORED, .stored = {.id = id}});
    ck_assert_msg(lab_comes(client, LAB_WAIT_MS), "no answer came");
    ssize_t got = recv(client, octets, sizeof octets, 0);
    ck_assert_int_gt(got, 0);
    struct reply reply = read_reply(octets, (size_t)got);
    check(&reply, RCODE_NOERROR, 2);
    ck_assert_uint_eq(reply.cookie.length, COOKIE_OCTETS);
    ck_assert_mem_eq(reply.cookie.octets, fresh.octets, fresh.length);
    await_counts(0, 0, 2);
    close(client);
}
END_TEST

/* ---- when a good one is required -------------------------------------------------------------*/

static void open_strict(void)
{
    open_with(CONFIG_COOKIES_ALWAYS);
}

START_TEST(a_good_one_can_be_required)
{
    struct reply first = ask(www, &fresh);

    check(&first, RCODE_BADCOOKIE, 0);
    ck_assert_uint_eq(first.cookie.length, COOKIE_OCTETS);
    struct reply next = ask(www, &first.cookie);
    check(&next, RCODE_NOERROR, 1);
    const struct cookie bad = spoilt(&first.cookie);
    struct reply refused = ask(www, &bad);
    check(&refused, RCODE_BADCOOKIE, 0);
    next = ask(www, &refused.cookie);
    check(&next, RCODE_NOERROR, 1);
    lab_await(METRIC_RCODE_BADCOOKIE, 2);
    await_counts(2, 1, 1);
}
END_TEST

/* RFC 7873 sections 5.2.1 and 5.2.3: who knows no cookies, and who comes by TCP. */
START_TEST(others_are_answered_all_the_same)
{
    struct reply reply = ask(www, &(struct cookie){.length = 0});

    check(&reply, RCODE_NOERROR, 1);
    reply = ask_by_tcp(www, &fresh);
    check(&reply, RCODE_NOERROR, 1);
    const struct cookie bad = spoilt(&reply.cookie);
    reply = ask_by_tcp(www, &bad);
    check(&reply, RCODE_NOERROR, 1);
    reply = ask(NULL, &fresh); /* it shall be NOERROR (section 5.4) */
    check(&reply, RCODE_NOERROR, 0);
    ck_assert_uint_eq(lab_metric(METRIC_RCODE_BADCOOKIE), 0);
}
END_TEST

/* Whoever finds that there is pressure sets the switch; what it does the settings say. */
static const struct {
    enum config_cookies_require require;
    bool pressure;
    bool udp, tcp; /* whether it is refused */
} demands[] = {
    {CONFIG_COOKIES_NEVER, false, false, false},    {CONFIG_COOKIES_NEVER, true, false, false},
    {CONFIG_COOKIES_PRESSURE, false, false, false}, {CONFIG_COOKIES_PRESSURE, true, true, false},
    {CONFIG_COOKIES_ALWAYS, false, true, false},    {CONFIG_COOKIES_ALWAYS, true, true, false},
};

START_TEST(pressure_is_heeded_as_configured)
{
    static struct worker worker;
    const union address client = {.four = {.sin_family = AF_INET}};

    worker.settings.cookies_require = demands[_i].require;
    use_secret(&worker.settings, secret);
    worker.cookies.required = demands[_i].pressure;
    worker.query.question_end = 17;
    worker.query.edns = (struct edns){.present = true, .cookie_length = CLIENT_OCTETS};
    for (enum answer_transport transport = ANSWER_UDP; transport <= ANSWER_TCP; transport++) {
        worker.facts.transport = transport;
        cookies_judge(&worker, &client);
        ck_assert(!worker.facts.bad_cookie);
        ck_assert_int_eq(cookies_demand(&worker),
                         transport == ANSWER_UDP ? demands[_i].udp : demands[_i].tcp);
        ck_assert_int_eq(worker.facts.bad_cookie, cookies_demand(&worker));
    }
    worker.query.edns.cookie_length = 0; /* of the next query, which has none */
    cookies_judge(&worker, &client);
    ck_assert(!cookies_demand(&worker) && !worker.facts.bad_cookie && !worker.facts.cookie);
}
END_TEST

/* ---- secrets ---------------------------------------------------------------------------------*/

/* Until the worker has taken them: then another cookie comes for the same one. */
static struct reply ask_until_changed(const struct settings *settings, const struct cookie *before)
{
    struct reply reply = {.rcode = 0};

    worker_configure(&lab.worker, settings);
    for (unsigned tries = 0; tries < LAB_WAIT_MS; tries++) {
        reply = ask(www, before);
        if (reply.cookie.length != before->length ||
            memcmp(reply.cookie.octets + 16, before->octets + 16, 8) != 0)
            return reply;
        usleep(1000);
    }
    ck_abort_msg("the settings do not change");
}

START_TEST(a_secret_is_replaced_while_it_runs)
{
    static const uint8_t newer[COOKIE_SECRET_OCTETS] = "a secret, anew..";
    struct settings settings = lab.settings;
    struct cookie old = ask(www, &fresh).cookie;

    settings.cookies.count = 0;
    use_secret(&settings, newer);
    use_secret(&settings, secret);
    uint64_t bad = lab_metric(METRIC_COOKIES_BAD);
    struct cookie new = ask_until_changed(&settings, &old).cookie;
    lab_await(METRIC_COOKIES_BAD, bad); /* it was good all the time */
    ck_assert_mem_eq(ask(www, &new).cookie.octets, new.octets, COOKIE_OCTETS);

    settings.cookies.count = 0; /* and off */
    struct reply reply = ask_until_changed(&settings, &new);
    ck_assert_uint_eq(reply.cookie.length, 0);
    check(&reply, RCODE_NOERROR, 1);
    reply = ask(NULL, &fresh);
    check(&reply, RCODE_FORMERR, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/cookies");
    TCase *calm = tcase_create("without pressure"), *strict = tcase_create("required");

    tcase_add_checked_fixture(calm, open_lab, lab_close);
    tcase_set_timeout(calm, 30);
    tcase_add_test(calm, a_cookie_is_given_and_known_again);
    tcase_add_test(calm, who_sends_none_gets_none);
    tcase_add_test(calm, clients_are_told_apart);
    tcase_add_test(calm, both_families_have_cookies);
    tcase_add_test(calm, a_cookie_alone_is_asked_for);
    tcase_add_test(calm, who_waits_gets_its_own);
    tcase_add_test(calm, a_secret_is_replaced_while_it_runs);
    suite_add_tcase(suite, calm);
    tcase_add_checked_fixture(strict, open_strict, lab_close);
    tcase_set_timeout(strict, 30);
    tcase_add_test(strict, a_good_one_can_be_required);
    tcase_add_test(strict, others_are_answered_all_the_same);
    tcase_add_loop_test(strict, pressure_is_heeded_as_configured, 0, COUNT(demands));
    suite_add_tcase(suite, strict);
    return run_suite(suite);
}
