/* test_desk_notify_socket.c - NOTIFY over real sockets of loopback: whence, to whom, and back. */
#include "notify_lab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/desk/notify_socket.h"

enum { PATIENCE_MS = 30000, CONFIG_OCTETS = 2048 };

/* The notifier and its letters; the secondary's socket. */
static struct {
    struct ev_loop *loop;
    struct notifier *notifier;
    int family, secondary, stranger;
    uint16_t port;
    uint8_t octets[NOTIFY_MAX_OCTETS];
    size_t length;
    struct sockaddr_storage from;
    socklen_t from_length;
} wire;

/* A bound socket of the family's loopback address; -1 without IPv6. */
static int loopback_socket(int family, uint16_t *port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool is_four = family == AF_INET;
    struct sockaddr *address = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t length = is_four ? sizeof four : sizeof six;
    int descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (descriptor < 0 || bind(descriptor, address, length)) {
        ck_assert_int_ne(family, AF_INET);
        return -1;
    }
    ck_assert_int_eq(getsockname(descriptor, address, &length), 0);
    *port = ntohs(is_four ? four.sin_port : six.sin6_port);
    return descriptor;
}

static bool keep_letter(void *context, const struct message *message)
{
    bool kept;
    (void)context;
    lab.notify.now = message->secondary.time; /* it is the notifier's own clock here */
    kept = lab_letter(NULL, message);
    ev_break(wire.loop, EVBREAK_ALL);
    return kept;
}

static void give_up(struct ev_loop *loop, ev_timer *timer, int happened)
{
    (void)loop, (void)timer, (void)happened;
    ck_abort_msg("nothing happened");
}

/* Until a letter came (`letters` in all), or the secondary can read. */
static void await_letters(size_t letters)
{
    ev_timer patience;

    ev_timer_init(&patience, give_up, PATIENCE_MS / 1000.0, 0.0);
    ev_timer_start(wire.loop, &patience);
    while (lab.letter_count < letters)
        ev_run(wire.loop, EVRUN_ONCE);
    ev_timer_stop(wire.loop, &patience);
}

static void await_datagram(void)
{
    for (unsigned waited = 0; waited < PATIENCE_MS; waited += 10) {
        struct pollfd poller = {.fd = wire.secondary, .events = POLLIN};
        ev_run(wire.loop, EVRUN_NOWAIT);
        if (poll(&poller, 1, 10) == 1) {
            wire.from_length = sizeof wire.from;
            ssize_t length = recvfrom(wire.secondary, wire.octets, sizeof wire.octets, 0,
                                      (struct sockaddr *)&wire.from, &wire.from_length);
            ck_assert_int_gt(length, 0);
            wire.length = (size_t)length;
            return;
        }
    }
    ck_abort_msg("no NOTIFY");
}

static void reply_by(int descriptor, size_t padding)
{
    static uint8_t octets[2 * 4096];

    ck_assert_uint_le(wire.length + padding, sizeof octets);
    memset(octets, 0, sizeof octets);
    memcpy(octets, wire.octets, wire.length);
    octets[2] |= 0x80;
    ssize_t sent = sendto(descriptor, octets, wire.length + padding, 0,
                          (struct sockaddr *)&wire.from, wire.from_length);
    ck_assert_int_eq(sent, (ssize_t)(wire.length + padding));
}

/* False: there is no such family here. */
static bool open_wire(int family, const char *listen)
{
    char text[CONFIG_OCTETS];
    struct notify_table *plan;
    uint16_t stranger_port;

    memset(&wire, 0, sizeof wire);
    wire.family = family;
    wire.secondary = loopback_socket(family, &wire.port);
    if (wire.secondary < 0)
        return false;
    wire.stranger = loopback_socket(family, &stranger_port);
    (void)snprintf(text, sizeof text,
                   "server: {listen: [%s], state: /tmp/none, control: /tmp/none.sock}\n"
                   "keystores: []\n"
                   "zones:\n"
                   "  - {name: a.example., file: x, policy: none,\n"
                   "     notify: [{address: \"%s@%u\"}]}\n",
                   listen, family == AF_INET ? "127.0.0.1" : "::1", (unsigned)wire.port);
    lab_open(NULL);
    lab.setting = lab_setting(text, 1);
    wire.loop = ev_loop_new(EVFLAG_AUTO);
    ck_assert_ptr_nonnull(wire.loop);
    wire.notifier = notifier_open(wire.loop, &lab.setting->config.server, &lab.metrics->stripes[0],
                                  keep_letter, NULL);
    ck_assert_ptr_nonnull(wire.notifier);
    ck_assert_int_eq(notify_plan(&lab.setting->config, &plan), RESULT_OK);
    notifier_adopt(wire.notifier, plan, &lab.setting->keyring);
    return true;
}

static void close_wire(void)
{
    notifier_free(wire.notifier);
    ev_loop_destroy(wire.loop);
    close(wire.secondary);
    close(wire.stranger);
    lab_close();
}

static void change(uint32_t serial)
{
    struct name zone = name_of("a.example.");
    notifier_changed(wire.notifier, &zone, serial);
}

/* ---- tests -----------------------------------------------------------------------------------*/

static const struct {
    const char *what;
    int family;
    const char *listen, *source;
} sources[] = {
    {"the address that is listened on", AF_INET, "127.0.0.9@5300", "127.0.0.9"},
    {"the first of them", AF_INET, "\"::1@53\", 127.0.0.8@5300, 127.0.0.9@5300", "127.0.0.8"},
    {"as the kernel chooses", AF_INET, "0.0.0.0@5300", "127.0.0.1"},
    {"nobody listens on the family", AF_INET, "\"::1@53\"", "127.0.0.1"},
    {"an address that is not there", AF_INET, "127.0.0.9@5300, 192.0.2.1@5300", "127.0.0.1"},
    {"IPv6", AF_INET6, "127.0.0.1@53, \"::1@53\"", "::1"},
    {"IPv6, as the kernel chooses", AF_INET6, "\"::@53\"", "::1"},
};

START_TEST(it_comes_from_the_address_that_peers_know)
{
    char text[INET6_ADDRSTRLEN];

    if (!open_wire(sources[_i].family, sources[_i].listen))
        return;
    change(5);
    await_datagram();
    const void *octets = sources[_i].family == AF_INET
                             ? (void *)&((struct sockaddr_in *)&wire.from)->sin_addr
                             : (void *)&((struct sockaddr_in6 *)&wire.from)->sin6_addr;
    ck_assert_ptr_nonnull(inet_ntop(sources[_i].family, octets, text, sizeof text));
    ck_assert_msg(strcmp(text, sources[_i].source) == 0, "%s: %s", sources[_i].what, text);
    reply_by(wire.secondary, 0);
    await_letters(1);
    ck_assert_int_eq(lab.letters[0].event, SECONDARY_NOTIFIED);
    ck_assert_uint_eq(lab.letters[0].serial, 5);
    ck_assert_uint_eq(metric_get(&lab.metrics->stripes[0], METRIC_NOTIFIES_ANSWERED), 1);
    close_wire();
}
END_TEST

START_TEST(strangers_and_giants_are_not_heard)
{
    ck_assert(open_wire(AF_INET, "127.0.0.1@5300"));
    change(5);
    await_datagram();
    reply_by(wire.stranger, 0);
    reply_by(wire.secondary, 4096);
    await_datagram(); /* it is sent again */
    ck_assert_uint_eq(lab.letter_count, 0);
    reply_by(wire.secondary, 0);
    await_letters(1);
    ck_assert_int_eq(lab.letters[0].event, SECONDARY_NOTIFIED);
    ck_assert_uint_eq(metric_get(&lab.metrics->stripes[0], METRIC_NOTIFIES_SENT), 2);
    close_wire();
}
END_TEST

START_TEST(a_change_in_between_is_told_in_time)
{
    ck_assert(open_wire(AF_INET, "127.0.0.1@5300"));
    change(5);
    await_datagram();
    change(6);
    reply_by(wire.secondary, 0);
    await_letters(1);
    change(7);
    await_datagram();
    reply_by(wire.secondary, 0);
    await_letters(2);
    ck_assert_uint_eq(lab.letters[0].serial, 5);
    ck_assert_uint_eq(lab.letters[1].serial, 7);
    close_wire();
}
END_TEST

START_TEST(its_sockets_are_its_own)
{
    int before = dup(0);
    close(before);
    ck_assert(open_wire(AF_INET, "127.0.0.1@5300"));
    int lowest = 1000, count = 0;
    for (int descriptor = before; descriptor < 1000; descriptor++) {
        int kind;
        socklen_t length = sizeof kind;
        if (descriptor == wire.secondary || descriptor == wire.stranger ||
            getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &length) || kind != SOCK_DGRAM)
            continue;
        count++;
        ck_assert(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
        ck_assert(fcntl(descriptor, F_GETFL) & O_NONBLOCK);
        lowest = descriptor < lowest ? descriptor : lowest;
    }
    ck_assert_int_ge(count, 1);
    close_wire();
    ck_assert_int_eq(fcntl(lowest, F_GETFD), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/notify socket");
    TCase *sockets = tcase_create("sockets");

    tcase_set_timeout(sockets, 60);
    tcase_add_loop_test(sockets, it_comes_from_the_address_that_peers_know, 0, COUNT(sources));
    tcase_add_test(sockets, strangers_and_giants_are_not_heard);
    tcase_add_test(sockets, a_change_in_between_is_told_in_time);
    tcase_add_test(sockets, its_sockets_are_its_own);
    suite_add_tcase(suite, sockets);
    return run_suite(suite);
}
