/* test_front_peers.c - a worker, its keeper and its desk: signatures waited for, messages handed
 * over. */
#include "front_lab.h"

static void open_lab(void)
{
    lab_open();
    lab_start();
}

static const struct lab_question www = {1, "www.signed.example.", TYPE_A, 0, true};
static const struct lab_question plain = {2, "www.plain.example.", TYPE_A, 0, true};
static const struct lab_question update = {3, "plain.example.", TYPE_SOA, OPCODE_UPDATE << 11,
                                           false};
static const struct lab_question transfer = {4, "plain.example.", TYPE_AXFR, 0, false};

/* The next reference that is asked for must be this one. Returns its id. */
static uint64_t take_want(const char *owner, uint16_t type)
{
    const struct message_want *letter = &lab_letter(lab.keeper, MESSAGE_WANT)->want;
    struct name name = name_of(owner);

    ck_assert_uint_eq(letter->kind, WANT_RRSET);
    ck_assert_uint_eq(letter->version, lab.version);
    ck_assert_uint_eq(letter->type, type);
    ck_assert(name_equal(&letter->owner, &name));
    return letter->id;
}

static void tell_stored(uint64_t id)
{
    lab_send_letter(lab.keeper, &(struct message){.kind = MESSAGE_STORED, .stored = {.id = id}});
}

START_TEST(a_missing_signature_is_waited_for)
{
    int client = lab_udp_client();

    lab_udp_ask(client, &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    ck_assert(!lab_comes(client, 20));
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    struct lab_answer answer = lab_udp_answer(client);
    ck_assert_uint_eq(answer.rcode, RCODE_NOERROR);
    ck_assert(answer.has_signature);
    lab_udp_ask(client, &www); /* from now on it is there */
    ck_assert(lab_udp_answer(client).has_signature);
    ck_assert(!lab_comes(lab.keeper, 20));
    lab_await(METRIC_WANTS_ANSWERED, 1);
    lab_await(METRIC_WANTS_PARKED, 0);
    close(client);
}
END_TEST

START_TEST(all_who_wait_ask_once)
{
    int clients[] = {lab_udp_client(), lab_udp_client(), lab_tcp_client()};
    struct lab_answer answer;

    lab_udp_ask(clients[0], &www);
    lab_udp_ask(clients[1], &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    ck_assert(!lab_comes(lab.keeper, 50));
    lab_tcp_ask(clients[2], &www);
    ck_assert_uint_eq(take_want("www.signed.example.", TYPE_A), id); /* by one who is proven */
    ck_assert(lab.letter.want.proven);
    ck_assert(!lab_comes(lab.keeper, 50));
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    ck_assert(lab_udp_answer(clients[0]).has_signature);
    ck_assert(lab_udp_answer(clients[1]).has_signature);
    ck_assert(lab_tcp_answer(clients[2], &answer));
    ck_assert(answer.has_signature);
    for (unsigned i = 0; i < 3; i++)
        close(clients[i]);
}
END_TEST

START_TEST(a_refusal_is_servfail_at_once)
{
    int client = lab_udp_client();
    uint64_t start_ms = clock_monotonic_ms();

    lab_udp_ask(client, &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    lab_send_letter(lab.keeper,
                    &(struct message){.kind = MESSAGE_NOT_STORED,
                                      .not_stored = {.id = id, .reason = NOT_STORED_FAILED}});
    ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_SERVFAIL);
    ck_assert_uint_lt(clock_monotonic_ms() - start_ms, WANTED_UDP_MS);
    close(client);
}
END_TEST

START_TEST(at_the_deadline_it_is_servfail)
{
    int client = lab_udp_client();
    uint64_t start_ms = clock_monotonic_ms();

    lab_udp_ask(client, &www);
    ck_assert_uint_eq(lab_udp_answer(client).rcode, RCODE_SERVFAIL);
    uint64_t passed = clock_monotonic_ms() - start_ms;
    ck_assert_msg(passed >= WANTED_UDP_MS && passed < 3 * WANTED_UDP_MS, "%u ms", (unsigned)passed);
    lab_await(METRIC_WANTS_TIMEOUT, 1);
    close(client);
}
END_TEST

static const struct lab_question ftp = {5, "ftp.signed.example.", TYPE_A, 0, true};
static const struct lab_question apex = {6, "signed.example.", TYPE_SOA, 0, true};

/* While signatures are short, TC at once for who has not shown its address; all others are asked
 * for. */
START_TEST(where_signatures_are_short_clients_are_turned)
{
    int client = lab_udp_client(), stream = lab_tcp_client();
    struct lab_answer answer;

    lab_send_letter(lab.keeper, &(struct message){.kind = MESSAGE_ALLOWANCE,
                                                  .allowance = {0, 9, 9}}); /* says nothing */
    lab_send_letter(lab.keeper,
                    &(struct message){.kind = MESSAGE_ALLOWANCE, .allowance = {60, 1, 1}});
    lab_await(METRIC_LETTERS, 2);
    lab_udp_ask(client, &www);
    uint64_t first = take_want("www.signed.example.", TYPE_A);
    ck_assert(!lab.letter.want.proven);
    lab_udp_ask(client, &ftp);
    answer = lab_udp_answer(client);
    ck_assert(answer.truncated && answer.rcode == RCODE_NOERROR && !answer.has_signature);
    ck_assert_uint_eq(answer.header.id, ftp.id);
    lab_udp_ask(client, &apex);
    (void)take_want("signed.example.", TYPE_SOA);
    lab_tcp_ask(stream, &ftp);
    uint64_t second = take_want("ftp.signed.example.", TYPE_A);
    ck_assert(lab.letter.want.proven);
    lab_await(METRIC_WANTS_TURNED, 1);
    lab_sign("www.signed.example.", TYPE_A);
    lab_sign("ftp.signed.example.", TYPE_A);
    tell_stored(first);
    tell_stored(second);
    ck_assert(lab_udp_answer(client).has_signature);
    ck_assert(lab_tcp_answer(stream, &answer));
    ck_assert(answer.has_signature);
    close(stream);
    close(client);
}
END_TEST

/* Each address has its share, kept in the table of the rate limit, whether there is one or not. */
START_TEST(who_has_had_its_share_is_turned_sooner)
{
    int client = lab_udp_client(), other = lab_udp_client_from("127.9.9.9");

    lab_send_letter(lab.keeper,
                    &(struct message){.kind = MESSAGE_ALLOWANCE, .allowance = {60, 4, 4}});
    lab_await(METRIC_LETTERS, 1);
    lab_udp_ask(client, &www);
    (void)take_want("www.signed.example.", TYPE_A); /* that was eight seconds' share */
    lab_udp_ask(client, &ftp);
    struct lab_answer answer = lab_udp_answer(client);
    ck_assert(answer.truncated && answer.header.id == ftp.id);
    lab_udp_ask(other, &ftp);
    (void)take_want("ftp.signed.example.", TYPE_A);
    close(other);
    close(client);
}
END_TEST

/* What is not signed is answered without waiting, also while the keeper is away. */
START_TEST(a_keeper_that_restarts_is_asked_again)
{
    int client = lab_udp_client();

    close(lab.keeper);
    lab.keeper = -1;
    lab_udp_ask(client, &www);
    lab_udp_ask(client, &plain);
    ck_assert_uint_eq(lab_udp_answer(client).header.id, plain.id);
    lab.keeper = lab_connect(ROOM_KEEPER);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    ck_assert(lab_udp_answer(client).has_signature);
    close(client);
}
END_TEST

/* RFC 7766 section 6.2.1.1: a slow answer does not hold up the one behind it. */
START_TEST(answers_of_a_connection_may_change_their_order)
{
    int client = lab_tcp_client();
    struct lab_answer answer;

    lab_tcp_ask(client, &www);
    lab_tcp_ask(client, &plain);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.header.id, plain.id);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.header.id, www.id);
    ck_assert(answer.has_signature);
    ck_assert(lab_is_closed(client));
    close(client);
}
END_TEST

/* One question at a time: the next one is looked at when the one before it was answered, which may
 * be in the middle of answering others. */
START_TEST(what_waits_behind_a_question_is_answered_after_it)
{
    enum { CLIENTS = 4 };
    static const struct lab_question next = {5, "signed.example.", TYPE_SOA, 0, true};
    int clients[CLIENTS];
    struct settings settings = lab.settings;
    struct lab_answer answer;

    settings.tcp_pipeline = 1;
    worker_configure(&lab.worker, &settings);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = lab_tcp_client();
        lab_tcp_ask(clients[i], &www);
        lab_tcp_ask(clients[i], &next);
        lab_tcp_ask(clients[i], &plain);
    }
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    ck_assert(!lab_comes(lab.keeper, 50));
    lab_await(METRIC_QUERIES_TCP, CLIENTS);
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    id = take_want("signed.example.", TYPE_SOA);
    lab_sign("signed.example.", TYPE_SOA);
    tell_stored(id);
    for (unsigned i = 0; i < CLIENTS; i++) {
        for (uint16_t j = 0; j < 3; j++) {
            ck_assert(lab_tcp_answer(clients[i], &answer));
            ck_assert_uint_eq(answer.header.id, j == 0 ? www.id : j == 1 ? next.id : plain.id);
            ck_assert_uint_eq(answer.rcode, RCODE_NOERROR);
            ck_assert(answer.has_signature == (j < 2));
        }
        close(clients[i]);
    }
}
END_TEST

START_TEST(a_client_that_left_is_forgotten)
{
    int client = lab_tcp_client();
    struct lab_answer answer;

    lab_tcp_ask(client, &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    struct linger now = {.l_onoff = 1};
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(client); /* with a reset */
    lab_await(METRIC_TCP_OPEN, 0);
    client = lab_tcp_client(); /* takes the same place */
    lab_tcp_ask(client, &(struct lab_question){77, "signed.example.", TYPE_SOA, 0, true});
    uint64_t own = take_want("signed.example.", TYPE_SOA);
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    ck_assert_msg(!lab_comes(client, 50), "an answer to another's question");
    lab_sign("signed.example.", TYPE_SOA);
    tell_stored(own);
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.header.id, 77);
    close(client);
}
END_TEST

/* Letters that make no sense are counted, and change nothing. */
/* The keeper is between two states for longer than usual: what has come waits, and nothing spins.
 */
START_TEST(a_store_that_cannot_be_read_now_is_waited_for)
{
    enum { MANY = 100 }; /* more than a batch */
    lab_open();
    lab_publish(true);
    lab_start();
    int datagrams = lab_udp_client(), stream = lab_tcp_client(), parked = lab_udp_client();
    struct lab_answer answer;

    lab_udp_ask(datagrams, &plain);
    (void)lab_udp_answer(datagrams);
    lab_udp_ask(parked, &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    lab_sign("www.signed.example.", TYPE_A);
    lab_publish(false);
    tell_stored(id);
    for (unsigned i = 0; i < MANY; i++)
        lab_udp_ask(datagrams, &plain);
    lab_tcp_ask(stream, &plain);
    ck_assert(!lab_comes(datagrams, 100));
    ck_assert(!lab_comes(stream, 0));
    ck_assert(!lab_comes(parked, 0));
    lab_publish(true);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_uint_eq(lab_udp_answer(datagrams).rcode, RCODE_NOERROR);
    ck_assert(lab_tcp_answer(stream, &answer));
    ck_assert(lab_udp_answer(parked).has_signature);
    close(datagrams);
    close(stream);
    close(parked);
    lab_close();
}
END_TEST

START_TEST(strange_letters_do_no_harm)
{
    int client = lab_udp_client();
    struct message stop = {.kind = MESSAGE_STOP};
    struct message reply = {.kind = MESSAGE_REPLY,
                            .reply = {.socket = 77,
                                      .client = span_of("x", 1),
                                      .local = span_of("y", 1),
                                      .message = span_of("z", 1)}};

    lab_udp_ask(client, &www);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    tell_stored(id + 1);
    lab_send_letter(lab.keeper, &stop);
    lab_send_letter(lab.keeper, &reply);
    lab_send_letter(lab.desk, &reply);
    reply.reply.message = span_of("", 0);
    lab_send_letter(lab.desk, &reply);
    lab_await(METRIC_LETTERS, 5);
    lab_await(METRIC_LETTERS_REFUSED, 4);
    lab_udp_ask(client, &plain);
    ck_assert_uint_eq(lab_udp_answer(client).header.id, plain.id);
    close(client);
}
END_TEST

/* ---- the desk --------------------------------------------------------------------------------*/

/* Answer a datagram as the desk would: its own octets with QR set. */
static void reply_to(const struct message_handoff *handoff)
{
    uint8_t octets[512];

    ck_assert_uint_le(handoff->message.length, sizeof octets);
    memcpy(octets, handoff->message.octets, handoff->message.length);
    octets[2] |= 0x80;
    struct message reply = {.kind = MESSAGE_REPLY,
                            .reply = {.socket = handoff->socket,
                                      .client = handoff->client,
                                      .local = handoff->local,
                                      .message = span_of(octets, handoff->message.length)}};
    lab_send_letter(lab.desk, &reply);
}

START_TEST(an_update_goes_to_the_desk)
{
    int client = lab_udp_client();
    uint8_t octets[512];
    size_t length = lab_write(octets, sizeof octets, &update);

    lab_udp_ask(client, &update);
    const struct message_handoff *handoff = &lab_letter(lab.desk, MESSAGE_HANDOFF)->handoff;
    ck_assert_uint_eq(handoff->message.length, length);
    ck_assert_mem_eq(handoff->message.octets, octets, length);
    reply_to(handoff);
    ck_assert_uint_eq(lab_udp_answer(client).header.id, update.id);
    lab_await(METRIC_HANDOFFS, 1);
    close(client);
}
END_TEST

/* ---- connections -----------------------------------------------------------------------------*/

/* What the lab's desk has of a connection that moved. */
struct moved {
    int descriptor;
    uint8_t unread[1024];
    size_t length;
};

static struct moved take_connection(void)
{
    const struct message_connection *letter = &lab_letter(lab.desk, MESSAGE_CONNECTION)->connection;
    struct moved moved = {.length = letter->unread.length};

    ck_assert_uint_le(moved.length, sizeof moved.unread);
    memcpy(moved.unread, letter->unread.octets, moved.length);
    moved.descriptor = message_take(lab.frame, letter->descriptor);
    ck_assert_int_ge(moved.descriptor, 0);
    return moved;
}

static void expect_unread(const struct moved *moved, const uint8_t *octets, size_t length)
{
    ck_assert_uint_eq(moved->length, length);
    ck_assert_mem_eq(moved->unread, octets, length);
}

/* The message that needs the desk, and all that came behind it, also half a message. */
START_TEST(a_connection_moves_with_all_that_is_unread)
{
    int client = lab_tcp_client();
    uint8_t octets[1024];
    size_t first = lab_frame(octets, sizeof octets, &plain);
    size_t length = first + lab_frame(octets + first, sizeof octets - first, &transfer);
    struct lab_answer answer;

    length += lab_frame(octets + length, sizeof octets - length, &plain);
    length += lab_frame(octets + length, sizeof octets - length, &plain) - 5;
    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    ck_assert(lab_tcp_answer(client, &answer)); /* what came before is answered */
    ck_assert_uint_eq(answer.header.id, plain.id);
    struct moved moved = take_connection();
    expect_unread(&moved, octets + first, length - first);
    lab_await(METRIC_TCP_OPEN, 0);
    lab_await(METRIC_HANDOFFS, 1);
    ck_assert_int_eq(send(moved.descriptor, "ab", 2, 0), 2); /* it is the same connection */
    ck_assert(lab_tcp_take(client, octets, 2));
    ck_assert_mem_eq(octets, "ab", 2);
    close(moved.descriptor);
    ck_assert(lab_is_closed(client));
    close(client);
}
END_TEST

START_TEST(a_connection_that_says_no_more_moves_too)
{
    int client = lab_tcp_client();
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, &transfer);

    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    struct moved moved = take_connection();
    expect_unread(&moved, octets, length);
    ck_assert(lab_comes(moved.descriptor, LAB_WAIT_MS));
    ck_assert_int_eq(recv(moved.descriptor, octets, sizeof octets, 0), 0);
    close(moved.descriptor);
    close(client);
}
END_TEST

/* A question that waits for a signature is answered by the front first. */
START_TEST(a_connection_moves_when_nothing_is_under_way)
{
    int client = lab_tcp_client();
    uint8_t octets[1024];
    size_t first = lab_frame(octets, sizeof octets, &www);
    size_t length = first + lab_frame(octets + first, sizeof octets - first, &transfer);
    struct lab_answer answer;

    length += lab_frame(octets + length, sizeof octets - length, &plain);
    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
    uint64_t id = take_want("www.signed.example.", TYPE_A);
    ck_assert(!lab_comes(lab.desk, 30));
    ck_assert_int_eq(send(client, "\0", 1, 0), 1); /* not read any more: it comes to the desk */
    lab_sign("www.signed.example.", TYPE_A);
    tell_stored(id);
    ck_assert(lab_tcp_answer(client, &answer));
    ck_assert_uint_eq(answer.header.id, www.id);
    ck_assert(answer.has_signature);
    struct moved moved = take_connection();
    expect_unread(&moved, octets + first, length - first);
    ck_assert(lab_tcp_take(moved.descriptor, octets, 1));
    close(moved.descriptor);
    close(client);
}
END_TEST

/* The front has no limit on what has moved away. */
START_TEST(a_connection_that_moved_takes_no_place)
{
    enum { CLIENTS = 8 };
    struct settings settings = lab.settings;
    int clients[CLIENTS];
    struct moved moved[CLIENTS];
    struct lab_answer answer;

    settings.tcp_clients = 1;
    worker_configure(&lab.worker, &settings);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = lab_tcp_client();
        lab_tcp_ask(clients[i], &plain);
        ck_assert(lab_tcp_answer(clients[i], &answer));
        lab_tcp_ask(clients[i], &transfer);
        moved[i] = take_connection();
        lab_await(METRIC_TCP_OPEN, 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(send(moved[i].descriptor, "x", 1, 0), 1);
        ck_assert(lab_comes(clients[i], LAB_WAIT_MS));
        close(moved[i].descriptor);
        close(clients[i]);
    }
    lab_await(METRIC_TCP_REFUSED, 0);
}
END_TEST

static void take_connections(unsigned count)
{
    for (unsigned moved = 0; moved < count;) {
        ck_assert(lab_comes(lab.desk, LAB_WAIT_MS));
        ck_assert_int_eq(letter_receive(lab.desk, lab.frame, LETTER_NOW), LETTER_DONE);
        ck_assert_int_eq(message_read(lab.frame, &lab.letter), RESULT_OK);
        moved += lab.letter.kind == MESSAGE_CONNECTION;
        frame_close(lab.frame);
    }
}

/* The desk stands still while somebody sends it all that he can: queries are answered, connections
 * find room beside the datagrams. What waits of them is bounded; more wait in the front, no more
 * than one address may have there, and go when the desk takes them.
 */
START_TEST(a_desk_that_stands_still_fills_nothing_but_its_queue)
{
    enum { QUEUED = 64, EVERYBODYS = 16, MANY = 2 * QUEUED };
    int datagrams = lab_udp_client(), clients[MANY];

    while (lab_metric(METRIC_DROPPED_SEND) == 0)
        lab_udp_ask(datagrams, &update);
    uint64_t handed = lab_metric(METRIC_HANDOFFS);
    for (unsigned i = 0; i < MANY; i++) {
        clients[i] = lab_tcp_client();
        lab_tcp_ask(clients[i], &transfer);
        if (i < QUEUED)
            lab_await(METRIC_HANDOFFS, handed + i + 1);
    }
    lab_await(METRIC_TCP_EVICTED, MANY - QUEUED - EVERYBODYS);
    lab_await(METRIC_TCP_OPEN, EVERYBODYS);
    ck_assert_uint_eq(lab_metric(METRIC_HANDOFFS), handed + QUEUED);
    lab_udp_ask(datagrams, &plain);
    ck_assert_uint_eq(lab_udp_answer(datagrams).header.id, plain.id);
    take_connections(QUEUED + EVERYBODYS); /* it wakes up */
    lab_await(METRIC_TCP_OPEN, 0);
    for (unsigned i = 0; i < MANY; i++)
        close(clients[i]);
    close(datagrams);
}
END_TEST

/* A datagram is lost; a connection waits for the next desk. */
START_TEST(without_a_desk_there_is_no_answer)
{
    int stream = lab_tcp_client(), datagrams = lab_udp_client();

    close(lab.desk);
    lab.desk = -1;
    lab_tcp_ask(stream, &transfer);
    lab_udp_ask(datagrams, &update);
    lab_udp_ask(datagrams, &plain);
    ck_assert_uint_eq(lab_udp_answer(datagrams).header.id, plain.id);
    lab_await(METRIC_DROPPED_SEND, 1);
    lab_await(METRIC_TCP_OPEN, 1);
    lab.desk = lab_connect(ROOM_DESK);
    take_connections(1);
    lab_await(METRIC_TCP_OPEN, 0);
    close(stream);
    stream = lab_tcp_client();
    for (unsigned tries = 0; !lab_comes(lab.desk, 20) && tries < 100; tries++)
        lab_udp_ask(datagrams, &update);
    (void)lab_letter(lab.desk, MESSAGE_HANDOFF);
    close(stream);
    close(datagrams);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/peers");
    TCase *keeper = tcase_create("keeper"), *desk = tcase_create("desk");
    TCase *store = tcase_create("store");

    tcase_add_checked_fixture(keeper, open_lab, lab_close);
    tcase_set_timeout(keeper, 30);
    tcase_add_test(keeper, a_missing_signature_is_waited_for);
    tcase_add_test(keeper, all_who_wait_ask_once);
    tcase_add_test(keeper, a_refusal_is_servfail_at_once);
    tcase_add_test(keeper, at_the_deadline_it_is_servfail);
    tcase_add_test(keeper, where_signatures_are_short_clients_are_turned);
    tcase_add_test(keeper, who_has_had_its_share_is_turned_sooner);
    tcase_add_test(keeper, a_keeper_that_restarts_is_asked_again);
    tcase_add_test(keeper, answers_of_a_connection_may_change_their_order);
    tcase_add_test(keeper, what_waits_behind_a_question_is_answered_after_it);
    tcase_add_test(keeper, a_client_that_left_is_forgotten);
    tcase_add_test(keeper, strange_letters_do_no_harm);
    suite_add_tcase(suite, keeper);
    tcase_add_checked_fixture(desk, open_lab, lab_close);
    tcase_set_timeout(desk, 30);
    tcase_add_test(desk, an_update_goes_to_the_desk);
    tcase_add_test(desk, a_connection_moves_with_all_that_is_unread);
    tcase_add_test(desk, a_connection_that_says_no_more_moves_too);
    tcase_add_test(desk, a_connection_moves_when_nothing_is_under_way);
    tcase_add_test(desk, a_connection_that_moved_takes_no_place);
    tcase_add_test(desk, a_desk_that_stands_still_fills_nothing_but_its_queue);
    tcase_add_test(desk, without_a_desk_there_is_no_answer);
    suite_add_tcase(suite, desk);
    tcase_set_timeout(store, 30);
    tcase_add_test(store, a_store_that_cannot_be_read_now_is_waited_for);
    suite_add_tcase(suite, store);
    return run_suite(suite);
}
