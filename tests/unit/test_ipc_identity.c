/* test_ipc_identity.c - what the veil says of a client is read again, and nothing else is believed.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/ipc/identity.h"
#include "names.h"

static const uint8_t key[IDENTITY_KEY_OCTETS] = "the desk's, too";
enum { SOCKET = 4711 };

static const struct {
    const char *what;
    bool dot, pin;
    enum identity_verdict verdict;
    const char *names[3];
} rows[] = {
    {"a client without certificate", true, false, IDENTITY_VOUCHED, {NULL}},
    {"one that did not say dot", false, false, IDENTITY_VOUCHED, {NULL}},
    {"a certificate that nobody vouches for", true, true, IDENTITY_OF_NOBODY, {NULL}},
    {"one that is not good", false, true, IDENTITY_BAD, {NULL}},
    {"a name", true, true, IDENTITY_VOUCHED, {"secondary.example."}},
    {"names", false, true, IDENTITY_VOUCHED, {".", "a.b.", "Secondary.Example."}},
};

static struct identity made(int row)
{
    struct identity identity;

    memset(&identity, 0, sizeof identity);
    identity.is_dot = rows[row].dot;
    identity.has_pin = rows[row].pin;
    identity.verdict = rows[row].verdict;
    for (unsigned i = 0; rows[row].pin && i < IDENTITY_PIN_OCTETS; i++)
        identity.pin[i] = (uint8_t)(i + 1);
    while (identity.name_count < 3 && rows[row].names[identity.name_count]) {
        identity.names[identity.name_count] = name_of(rows[row].names[identity.name_count]);
        identity.name_count++;
    }
    return identity;
}

static enum result read_copy(const uint8_t *octets, size_t length, const uint8_t *with,
                             uint64_t socket, struct identity *identity)
{
    uint8_t *copy = exact_copy(octets, length);
    enum result result = identity_read(span_of(copy, length), with, socket, identity);

    free(copy);
    return result;
}

START_TEST(comes_back_as_it_was)
{
    struct identity identity = made(_i), back;
    uint8_t octets[IDENTITY_MOST_OCTETS];
    size_t length = identity_write(&identity, key, SOCKET, octets);

    ck_assert_int_eq(read_copy(octets, length, key, SOCKET, &back), RESULT_OK);
    ck_assert_int_eq(back.is_dot, identity.is_dot);
    ck_assert_int_eq(back.has_pin, identity.has_pin);
    ck_assert_int_eq(back.verdict, identity.verdict);
    ck_assert_mem_eq(back.pin, identity.pin, IDENTITY_PIN_OCTETS);
    ck_assert_uint_eq(back.name_count, identity.name_count);
    for (unsigned i = 0; i < back.name_count; i++)
        ck_assert(name_equal(&back.names[i], &identity.names[i]));
}
END_TEST

START_TEST(is_good_for_one_socket_and_key)
{
    struct identity identity = made(_i), back;
    uint8_t octets[IDENTITY_MOST_OCTETS], other[IDENTITY_KEY_OCTETS];
    size_t length = identity_write(&identity, key, SOCKET, octets);

    memcpy(other, key, sizeof other);
    other[7] ^= 1;
    ck_assert_int_eq(read_copy(octets, length, key, SOCKET + 1, &back), RESULT_FORMAT);
    ck_assert_int_eq(read_copy(octets, length, other, SOCKET, &back), RESULT_FORMAT);
    ck_assert(!back.is_dot && !back.has_pin);
    for (size_t i = 0; i < length; i++) {
        octets[i] ^= 2;
        ck_assert_msg(read_copy(octets, length, key, SOCKET, &back) == RESULT_FORMAT,
                      "%s: octet %zu", rows[_i].what, i);
        octets[i] ^= 2;
        ck_assert_msg(read_copy(octets, i, key, SOCKET, &back) == RESULT_FORMAT, "%s: %zu octets",
                      rows[_i].what, i);
    }
}
END_TEST

/* A veil that was taken over can seal anything: it is still read with care. */
static const struct {
    const char *what;
    const char *octets;
    size_t length;
} sealed[] = {
    {"a verdict without a certificate", "\4", 1},
    {"a verdict that is none", "\26pinpinpinpinpinpinpinpinpinpinpi", 33},
    {"a name that nobody vouches for", "\6pinpinpinpinpinpinpinpinpinpinpi\1a\0", 36},
    {"half a pin", "\2half", 5},
    {"a name without a certificate", "\1\1a\0", 4},
    {"half a name", "\2pinpinpinpinpinpinpinpinpinpinpi\1", 34},
    {"a pointer", "\2pinpinpinpinpinpinpinpinpinpinpi\xc0\1", 35},
    {"nine names", "\2pinpinpinpinpinpinpinpinpinpinpi\0\0\0\0\0\0\0\0\0", 42},
};

START_TEST(what_is_sealed_may_be_malformed)
{
    uint8_t text[8 + 64] = {0, 0, 0, 0, 0, 0, SOCKET >> 8, SOCKET & 255};
    uint8_t octets[64 + SIPHASH_OCTETS];
    struct identity back;
    size_t length = sealed[_i].length;

    memcpy(text + 8, sealed[_i].octets, length);
    memcpy(octets, sealed[_i].octets, length);
    siphash(key, text, 8 + length, octets + length);
    ck_assert_msg(read_copy(octets, length + SIPHASH_OCTETS, key, SOCKET, &back) == RESULT_FORMAT,
                  "%s", sealed[_i].what);
}
END_TEST

START_TEST(a_socket_has_one_number_everywhere)
{
    int ends[2];
    uint64_t a, same, b;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int copy = dup(ends[0]);
    ck_assert_int_eq(identity_socket(ends[0], &a), RESULT_OK);
    ck_assert_int_eq(identity_socket(copy, &same), RESULT_OK);
    ck_assert_int_eq(identity_socket(ends[1], &b), RESULT_OK);
    ck_assert_uint_eq(a, same);
    ck_assert_uint_ne(a, b);
    ck_assert_int_eq(identity_socket(-1, &a), RESULT_SYSTEM);
    close(copy);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ipc/identity");
    TCase *sealing = tcase_create("sealing");

    tcase_add_loop_test(sealing, comes_back_as_it_was, 0, COUNT(rows));
    tcase_add_loop_test(sealing, is_good_for_one_socket_and_key, 0, COUNT(rows));
    tcase_add_loop_test(sealing, what_is_sealed_may_be_malformed, 0, COUNT(sealed));
    tcase_add_test(sealing, a_socket_has_one_number_everywhere);
    suite_add_tcase(suite, sealing);
    return run_suite(suite);
}
