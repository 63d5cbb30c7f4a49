/* test_tls_stream.c - one end is ours, the other OpenSSL's client over a socket pair. */
#include "tls_lab.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { TURNS_MOST = 1000, MANY_STREAMS = 1100 };

static struct lab_party authority, server, known, stranger, ended;
static struct lab_pem certificate, key, authorities;
static struct tls_credentials *credentials;
static SSL_CTX *clients;

static void set_up(void)
{
    char problem[TLS_PROBLEM_OCTETS];

    (void)signal(SIGPIPE, SIG_IGN); /* as in a room */
    authority = lab_party_make(NULL, 10, NULL);
    server = lab_party_make("DNS:ns.test", 7, &authority);
    known = lab_party_make("DNS:one.test,IP:192.0.2.1,DNS:two.test", 7, &authority);
    stranger = lab_party_make("DNS:one.test", 7, NULL);
    ended = lab_party_make("DNS:one.test", -1, &authority);
    lab_certificate_pem(&certificate, &server);
    lab_certificate_pem(&authorities, &authority);
    lab_key_pem(&key, &server, NULL);
    struct config_tls tls = lab_tls(&certificate, &key, &authorities);
    ck_assert_int_eq(tls_credentials_make(&credentials, &tls, problem), RESULT_OK);
    clients = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(clients);
}

static void tear_down(void)
{
    struct lab_party *parties[] = {&authority, &server, &known, &stranger, &ended};

    for (unsigned i = 0; i < COUNT(parties); i++)
        lab_party_free(parties[i]);
    tls_credentials_free(credentials);
    SSL_CTX_free(clients);
}

/* ---- a connection ---------------------------------------------------------------------------- */

struct connection {
    int ends[2]; /* ours, the client's */
    struct tls_stream *stream;
    SSL *client;
    enum tls_step shaken; /* what the handshake came to */
};

static void open_connection(struct connection *connection)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, connection->ends), 0);
    connection->stream = tls_stream_make(credentials, connection->ends[0]);
    connection->client = SSL_new(clients);
    ck_assert(connection->stream && connection->client);
    ck_assert_int_eq(SSL_set_fd(connection->client, connection->ends[1]), 1);
    SSL_set_connect_state(connection->client);
}

/* Both ends in turn, until ours is through; the client then reads what is still on its way. */
static void shake(struct connection *connection)
{
    enum tls_step step = TLS_WANTS_READ;

    for (unsigned i = 0; i < TURNS_MOST && step != TLS_DONE && step != TLS_FAILED; i++) {
        (void)SSL_do_handshake(connection->client);
        step = tls_stream_shake(connection->stream);
    }
    connection->shaken = step;
}

static void close_connection(struct connection *connection)
{
    tls_stream_free(connection->stream);
    SSL_free(connection->client);
    close(connection->ends[0]);
    if (connection->ends[1] >= 0)
        close(connection->ends[1]);
}

static void open_and_shake(struct connection *connection)
{
    open_connection(connection);
    shake(connection);
    ck_assert_int_eq(connection->shaken, TLS_DONE);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

START_TEST(speaks_with_a_client_of_today)
{
    struct connection connection;
    struct tls_peer peer;

    open_and_shake(&connection);
    ck_assert(!tls_stream_is_dot(connection.stream));
    ck_assert_int_eq(SSL_version(connection.client), TLS1_3_VERSION);
    tls_stream_peer(connection.stream, &peer);
    ck_assert(!peer.given && peer.name_count == 0);
    close_connection(&connection);
}
END_TEST

START_TEST(refuses_what_is_older)
{
    struct connection connection;
    const char *words;

    open_connection(&connection);
    ck_assert_int_eq(SSL_set_max_proto_version(connection.client, TLS1_2_VERSION), 1);
    shake(&connection);
    ck_assert_int_eq(connection.shaken, TLS_FAILED);
    ck_assert_int_eq(tls_stream_fault(connection.stream, &words), TLS_FAULT_VERSION);
    close_connection(&connection);
}
END_TEST

START_TEST(refuses_what_is_no_tls)
{
    struct connection connection;
    const char *words;

    open_connection(&connection);
    ck_assert_int_gt(write(connection.ends[1], "GET / HTTP/1.1\r\n\r\n", 18), 0);
    enum tls_step step = tls_stream_shake(connection.stream);
    ck_assert_int_eq(step, TLS_FAILED);
    ck_assert_int_ne(tls_stream_fault(connection.stream, &words), TLS_FAULT_PROTOCOL);
    ck_assert_ptr_nonnull(words);
    close_connection(&connection);
}
END_TEST

static const struct {
    const char *offered;
    bool taken, is_dot;
} protocols[] = {
    {"\3dot", true, true},
    {"\2h2\3dot", true, true},
    {"\2h2", false, false},
    {"\10http/1.1", false, false},
};

START_TEST(picks_dot)
{
    const char *offered = protocols[_i].offered;
    struct connection connection;
    const char *words;

    open_connection(&connection);
    ck_assert_int_eq(SSL_set_alpn_protos(connection.client, (const unsigned char *)offered,
                                         (unsigned)strlen(offered)),
                     0);
    shake(&connection);
    if (protocols[_i].taken) {
        ck_assert_int_eq(connection.shaken, TLS_DONE);
        ck_assert_int_eq(tls_stream_is_dot(connection.stream), protocols[_i].is_dot);
    } else {
        ck_assert_int_eq(connection.shaken, TLS_FAILED);
        ck_assert_int_eq(tls_stream_fault(connection.stream, &words), TLS_FAULT_PROTOCOL);
    }
    close_connection(&connection);
}
END_TEST

START_TEST(a_client_that_goes_fails_the_handshake)
{
    struct connection connection;

    open_connection(&connection);
    (void)SSL_do_handshake(connection.client);
    close(connection.ends[1]);
    connection.ends[1] = -1;
    shake(&connection);
    ck_assert_int_eq(connection.shaken, TLS_FAILED);
    close_connection(&connection);
}
END_TEST

/* The client's last flight, octet by octet: wherever it is cut, more of it is waited for. An
 * authority with the name of ours, and another key, makes OpenSSL complain of the signature on the
 * way. */
START_TEST(a_flight_may_be_cut_anywhere)
{
    struct lab_party namesake = lab_party_make(NULL, 10, NULL);
    struct lab_party client = lab_party_make("DNS:one.test", 7, &namesake);
    BIO *flight = BIO_new(BIO_s_mem());
    struct connection connection;
    char octet;

    open_connection(&connection);
    ck_assert_int_eq(SSL_use_certificate(connection.client, client.certificate), 1);
    ck_assert_int_eq(SSL_use_PrivateKey(connection.client, client.key), 1);
    (void)SSL_do_handshake(connection.client);
    ck_assert_int_eq(tls_stream_shake(connection.stream), TLS_WANTS_READ);
    SSL_set0_wbio(connection.client, flight);
    ck_assert_int_eq(SSL_do_handshake(connection.client), 1);
    while (BIO_read(flight, &octet, 1) == 1) {
        ck_assert_int_eq(write(connection.ends[1], &octet, 1), 1);
        connection.shaken = tls_stream_shake(connection.stream);
        ck_assert_int_eq(connection.shaken, BIO_pending(flight) ? TLS_WANTS_READ : TLS_DONE);
    }
    close_connection(&connection);
    lab_party_free(&client);
    lab_party_free(&namesake);
}
END_TEST

/* ---- who it is ------------------------------------------------------------------------------- */

static void expected_pin(const struct lab_party *party, uint8_t pin[TLS_PIN_OCTETS])
{
    unsigned char *octets = NULL;
    unsigned size = TLS_PIN_OCTETS;
    int length = i2d_PUBKEY(party->key, &octets);

    ck_assert_int_gt(length, 0);
    ck_assert_int_eq(EVP_Digest(octets, (size_t)length, pin, &size, EVP_sha256(), NULL), 1);
    OPENSSL_free(octets);
}

static void meet(const struct lab_party *party, struct tls_peer *peer)
{
    struct connection connection;
    uint8_t pin[TLS_PIN_OCTETS];

    open_connection(&connection);
    ck_assert_int_eq(SSL_use_certificate(connection.client, party->certificate), 1);
    ck_assert_int_eq(SSL_use_PrivateKey(connection.client, party->key), 1);
    shake(&connection);
    ck_assert_int_eq(connection.shaken, TLS_DONE);
    tls_stream_peer(connection.stream, peer);
    expected_pin(party, pin);
    ck_assert(peer->given);
    ck_assert_mem_eq(peer->pin, pin, sizeof pin);
    close_connection(&connection);
}

START_TEST(knows_a_name_by_an_authority_alone)
{
    struct tls_peer peer;

    meet(&known, &peer);
    ck_assert_uint_eq(peer.name_count, 2); /* not the address */
    ck_assert_str_eq(peer.names[0], "one.test");
    ck_assert_str_eq(peer.names[1], "two.test");
    ck_assert_int_eq(peer.verdict, TLS_VOUCHED);
    meet(&stranger, &peer);
    ck_assert_uint_eq(peer.name_count, 0);
    ck_assert_int_eq(peer.verdict, TLS_VOUCHED_BY_NOBODY);
    meet(&ended, &peer);
    ck_assert_uint_eq(peer.name_count, 0);
    ck_assert_int_eq(peer.verdict, TLS_VOUCHED_TOO_LATE);
}
END_TEST

/* An authority that signs what it is given may sign what only reads like another name. */
static const struct {
    const char *text;
    int length;
} odd_names[] = {
    {"one.test\0.elsewhere.test", 24},
    {"\\111ne.test", 11},
    {"one.test.", 9},
    {"one test", 8},
    {"one.t\xe9st", 9},
    {"", 0},
};

START_TEST(a_name_of_odd_octets_is_none)
{
    struct lab_party party = lab_party_make(NULL, 7, &authority);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    struct tls_peer peer;

    ck_assert(names && name && string);
    ck_assert_int_eq(ASN1_STRING_set(string, odd_names[_i].text, odd_names[_i].length), 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, string);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    ck_assert_int_eq(X509_add1_ext_i2d(party.certificate, NID_subject_alt_name, names, 0, 0), 1);
    ck_assert_int_gt(X509_sign(party.certificate, authority.key, EVP_sha256()), 0);
    meet(&party, &peer);
    ck_assert_uint_eq(peer.name_count, 0);
    GENERAL_NAMES_free(names);
    lab_party_free(&party);
}
END_TEST

START_TEST(takes_no_more_names_than_there_is_room_for)
{
    char text[1024] = "DNS:n0.test";
    struct tls_peer peer;

    for (int i = 1; i < TLS_NAMES + 5; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), ",DNS:n%d.test", i);
    struct lab_party party = lab_party_make(text, 7, &authority);
    meet(&party, &peer);
    ck_assert_uint_eq(peer.name_count, TLS_NAMES);
    lab_party_free(&party);
}
END_TEST

/* ---- octets ---------------------------------------------------------------------------------- */

START_TEST(octets_go_both_ways_and_end)
{
    struct connection connection;
    uint8_t octets[64];
    size_t length = 0;

    open_and_shake(&connection);
    ck_assert_int_eq(tls_stream_read(connection.stream, octets, sizeof octets, &length),
                     TLS_WANTS_READ);
    ck_assert_int_eq(SSL_write(connection.client, "question", 8), 8);
    ck_assert_int_eq(tls_stream_read(connection.stream, octets, 5, &length), TLS_DONE);
    ck_assert_uint_eq(length, 5);
    ck_assert_int_eq(tls_stream_read(connection.stream, octets + 5, 59, &length), TLS_DONE);
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(octets, "question", 8);
    ck_assert_int_eq(tls_stream_write(connection.stream, octets, 8, &length), TLS_DONE);
    ck_assert_uint_eq(length, 8);
    ck_assert_int_eq(SSL_read(connection.client, octets + 8, 8), 8);
    ck_assert_mem_eq(octets + 8, "question", 8);
    ck_assert_int_eq(tls_stream_end(connection.stream), TLS_DONE);
    ck_assert_int_eq(SSL_read(connection.client, octets, 8), 0);
    ck_assert_int_eq(SSL_get_shutdown(connection.client), SSL_RECEIVED_SHUTDOWN);
    ck_assert_int_eq(SSL_shutdown(connection.client), 1);
    ck_assert_int_eq(tls_stream_read(connection.stream, octets, 8, &length), TLS_ENDED);
    close_connection(&connection);
}
END_TEST

/* Whoever reads nothing: writing stops, and goes on with the same octets elsewhere. */
START_TEST(a_full_socket_is_waited_for)
{
    static uint8_t sent[1 << 22], copy[1 << 22], got[1 << 22];
    struct connection connection;
    size_t at = 0, back = 0, length = 0;
    enum tls_step step;

    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 >> 3);
    open_and_shake(&connection);
    while ((step = tls_stream_write(connection.stream, sent + at, sizeof sent - at, &length)) ==
           TLS_DONE)
        at += length;
    ck_assert_int_eq(step, TLS_WANTS_WRITE);
    ck_assert_uint_lt(at, sizeof sent);
    memcpy(copy, sent, sizeof copy);
    for (unsigned i = 0; back < sizeof sent && i < TURNS_MOST; i++) {
        int read = SSL_read(connection.client, got + back, (int)(sizeof got - back));
        back += read > 0 ? (size_t)read : 0;
        if (at < sizeof copy &&
            tls_stream_write(connection.stream, copy + at, sizeof copy - at, &length) == TLS_DONE)
            at += length;
    }
    ck_assert_uint_eq(back, sizeof sent);
    ck_assert_mem_eq(got, sent, sizeof sent);
    close_connection(&connection);
}
END_TEST

/* DNS messages say how long they are: a connection that just ends cannot cut one short. */
START_TEST(an_end_without_a_word_is_an_end)
{
    struct connection connection;
    uint8_t octets[8];
    size_t length;

    open_and_shake(&connection);
    close(connection.ends[1]);
    connection.ends[1] = -1;
    ck_assert_int_eq(tls_stream_read(connection.stream, octets, sizeof octets, &length), TLS_ENDED);
    close_connection(&connection);
}
END_TEST

static void send_key_updates(SSL *client, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        ck_assert_int_eq(SSL_do_handshake(client), 1);
    }
}

/* They cost us much and the client nothing: one call, one record, and not many in a row. */
START_TEST(key_updates_are_bounded)
{
    struct connection connection;
    uint8_t octets[8];
    size_t length;
    unsigned calls = 0;

    open_and_shake(&connection);
    for (unsigned round = 0; round < 5; round++) {
        send_key_updates(connection.client, 10);
        ck_assert_int_eq(SSL_write(connection.client, "x", 1), 1);
        for (unsigned i = 0; i < 10; i++)
            ck_assert_int_eq(tls_stream_read(connection.stream, octets, 8, &length),
                             TLS_WANTS_READ);
        ck_assert_int_eq(tls_stream_read(connection.stream, octets, 8, &length), TLS_DONE);
    }
    send_key_updates(connection.client, 100);
    while (tls_stream_read(connection.stream, octets, 8, &length) == TLS_WANTS_READ)
        calls++;
    ck_assert_uint_eq(calls, 16);
    close_connection(&connection);
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------ */

/* OpenSSL keeps the key of each key exchange, in memory of fixed size: it must suffice for all that
 * are open at once, whatever group they took. */
START_TEST(memory_for_keys_suffices_for_all_streams)
{
    static struct connection connections[MANY_STREAMS];
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_gt(limit.rlim_cur, 2 * MANY_STREAMS + 100);
    (void)tls_memory_open(MANY_STREAMS); /* it may not be locked here: that is said elsewhere */
    ck_assert_int_eq(SSL_CTX_set1_groups_list(clients, "P-384"), 1);
    for (unsigned i = 0; i < MANY_STREAMS; i++)
        open_and_shake(&connections[i]);
    for (unsigned i = 0; i < MANY_STREAMS; i++)
        close_connection(&connections[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls/stream");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, speaks_with_a_client_of_today);
    tcase_add_test(all, refuses_what_is_older);
    tcase_add_test(all, refuses_what_is_no_tls);
    tcase_add_loop_test(all, picks_dot, 0, COUNT(protocols));
    tcase_add_test(all, a_client_that_goes_fails_the_handshake);
    tcase_add_test(all, knows_a_name_by_an_authority_alone);
    tcase_add_loop_test(all, a_name_of_odd_octets_is_none, 0, COUNT(odd_names));
    tcase_add_test(all, a_flight_may_be_cut_anywhere);
    tcase_add_test(all, takes_no_more_names_than_there_is_room_for);
    tcase_add_test(all, octets_go_both_ways_and_end);
    tcase_add_test(all, a_full_socket_is_waited_for);
    tcase_add_test(all, an_end_without_a_word_is_an_end);
    tcase_add_test(all, key_updates_are_bounded);
    tcase_add_test(all, memory_for_keys_suffices_for_all_streams);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
