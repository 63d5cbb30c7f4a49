/* test_answer_cookie.c - a cookie is good for the client, the secrets and the hour that it was made
 * for, and is the one that every other server with the same secrets would have made. */
#include <arpa/inet.h>
#include <string.h>

#include "avow/answer/cookie.h"
#include "avow/base/result.h"
#include "avow/wire/codec.h"
#include "support.h"

enum { NOW = 1559731985 };

static struct cookie_secrets secrets;
static struct edns edns;
static struct cookie_sender sender;
static uint8_t address[COOKIE_ADDRESS_OCTETS], made[COOKIE_OCTETS];

static size_t unhex(const char *text, void *octets, size_t size)
{
    struct writer writer = writer_over(octets, size);

    ck_assert_int_eq(base16_read(text, strlen(text), &writer), RESULT_OK);
    return writer.length;
}

static void add_secret(const char *text)
{
    ck_assert_uint_eq(unhex(text, secrets.octets[secrets.count++], COOKIE_SECRET_OCTETS),
                      COOKIE_SECRET_OCTETS);
}

static void come_from(const char *text)
{
    bool six = strchr(text, ':') != NULL;

    ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, text, address), 1);
    sender.address = address;
    sender.address_length = six ? 16 : 4;
}

static void send_octets(const void *octets, size_t length)
{
    edns.present = true;
    edns.cookie_length = (uint8_t)length;
    memcpy(edns.cookie, octets, length);
}

static void set_up(void)
{
    secrets = (struct cookie_secrets){.count = 0};
    edns = (struct edns){.present = false};
    sender = (struct cookie_sender){.edns = &edns, .now = NOW};
    memset(made, 0, sizeof made);
    come_from("198.51.100.100");
    add_secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
}

static enum cookie_kind judge(void)
{
    return cookie_judge(&secrets, &sender, made);
}

/* As the client will have it after its first answer. */
static void learn(void)
{
    send_octets("CLIENT_0", 8);
    ck_assert_int_eq(judge(), COOKIE_CLIENT);
    send_octets(made, sizeof made);
}

/* ---- as others make them ---------------------------------------------------------------------*/

/* RFC 9018 appendix A. */
static const struct {
    const char *what, *secret, *older, *from;
    uint64_t now;
    const char *sent;
    enum cookie_kind kind;
    const char *returned;
} vectors[] = {
    {"A.1, a first cookie", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100", 1559731985,
     "2464c4abcf10c957", COOKIE_CLIENT, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
    {"A.2, renewed after 40 minutes", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "198.51.100.100",
     1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", COOKIE_GOOD,
     "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
    /* The RFC's own example is nearly two hours old: by its section 4.3 it is so no more. */
    {"A.3, reserved octets, too old", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "203.0.113.203",
     1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", COOKIE_BAD,
     "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
    {"A.3, in time", "e5e973e5a6b2a43f48e7dc849e37bfcf", NULL, "203.0.113.203", 1559727985 + 3600,
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", COOKIE_GOOD, NULL},
    {"A.4, IPv6, of the secret before", "445536bcd2513298075a5d379663c962",
     "dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8", COOKIE_GOOD,
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
    {"A.4, and the secret is gone", "445536bcd2513298075a5d379663c962", NULL,
     "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8", COOKIE_BAD,
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
};

START_TEST(agrees_with_the_rfc)
{
    uint8_t octets[COOKIE_OCTETS];

    secrets.count = 0;
    add_secret(vectors[_i].secret);
    if (vectors[_i].older)
        add_secret(vectors[_i].older);
    come_from(vectors[_i].from);
    sender.now = vectors[_i].now;
    send_octets(octets, unhex(vectors[_i].sent, octets, sizeof octets));
    ck_assert_msg(judge() == vectors[_i].kind, "%s: kind", vectors[_i].what);
    if (vectors[_i].returned) {
        ck_assert_uint_eq(unhex(vectors[_i].returned, octets, sizeof octets), sizeof octets);
        ck_assert_msg(memcmp(octets, made, sizeof made) == 0, "%s: cookie", vectors[_i].what);
    }
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------*/

static const struct {
    int64_t age; /* when it comes back */
    enum cookie_kind kind;
    bool kept; /* the same one goes back */
} ages[] = {
    {0, COOKIE_GOOD, true},         {1800, COOKIE_GOOD, true},
    {1801, COOKIE_GOOD, false},     {3600, COOKIE_GOOD, false},
    {3601, COOKIE_BAD, false},      {-300, COOKIE_GOOD, true},
    {-301, COOKIE_BAD, false},      {86400, COOKIE_BAD, false},
    {INT32_MAX, COOKIE_BAD, false}, {INT64_C(1) << 31, COOKIE_BAD, false},
};

/* The second time the cookie is made shortly before its 32 bits of time begin anew, in 2106. */
static const uint64_t starts[] = {NOW, UINT32_MAX - 1};

START_TEST(is_good_for_an_hour)
{
    unsigned row = (unsigned)_i / 2;

    sender.now = starts[_i % 2];
    learn();
    sender.now += (uint64_t)ages[row].age;
    ck_assert_msg(judge() == ages[row].kind, "age %lld", (long long)ages[row].age);
    ck_assert_msg((memcmp(made, edns.cookie, sizeof made) == 0) == ages[row].kept,
                  "age %lld: the same?", (long long)ages[row].age);
    send_octets(made, sizeof made);
    ck_assert_int_eq(judge(), COOKIE_GOOD); /* what goes back is good in every case */
}
END_TEST

/* ---- whom it is for --------------------------------------------------------------------------*/

static const char *const others[] = {
    "198.51.100.101", "100.100.51.198", "2001:db8::1", "::ffff:198.51.100.100", "c633:6464::",
};

START_TEST(is_of_no_use_to_others)
{
    learn();
    come_from(others[_i]);
    ck_assert_int_eq(judge(), COOKIE_BAD);
}
END_TEST

START_TEST(every_bit_counts)
{
    come_from("2001:db8::7");
    learn();
    for (unsigned bit = 0; bit < 8 * COOKIE_OCTETS; bit++) {
        edns.cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(judge() == COOKIE_BAD, "bit %u of the cookie", bit);
        ck_assert_msg(memcmp(made, edns.cookie, 8) == 0, "bit %u: the client's half", bit);
        edns.cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * COOKIE_ADDRESS_OCTETS; bit++) {
        address[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(judge() == COOKIE_BAD, "bit %u of the address", bit);
        address[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(judge(), COOKIE_GOOD);
}
END_TEST

/* Server cookies that others make may have from 8 to 32 octets; ours has 16. */
START_TEST(another_length_is_bad)
{
    uint8_t octets[EDNS_COOKIE_MAX_OCTETS] = {0};

    learn();
    memcpy(octets, edns.cookie, COOKIE_OCTETS);
    for (size_t length = 16; length <= EDNS_COOKIE_MAX_OCTETS; length++) {
        send_octets(octets, length);
        ck_assert_int_eq(judge(), length == COOKIE_OCTETS ? COOKIE_GOOD : COOKIE_BAD);
        ck_assert_mem_eq(made, octets, 8);
    }
}
END_TEST

/* Its hash is what it would be if such a version were made like ours. */
START_TEST(another_version_is_bad)
{
    uint8_t text[16 + 4];

    learn();
    edns.cookie[8] = 2;
    memcpy(text, edns.cookie, 16);
    memcpy(text + 16, address, 4);
    siphash(secrets.octets[0], text, sizeof text, edns.cookie + 16);
    ck_assert_int_eq(judge(), COOKIE_BAD);
    ck_assert_uint_eq(made[8], 1);
}
END_TEST

/* ---- secrets ---------------------------------------------------------------------------------*/

/* A new secret is known everywhere before it makes, and the old one for an hour after that. */
START_TEST(secrets_roll_over)
{
    static const char old[] = "e5e973e5a6b2a43f48e7dc849e37bfcf",
                      new[] = "445536bcd2513298075a5d379663c962";
    uint8_t first[COOKIE_OCTETS];

    add_secret(new);
    learn();
    memcpy(first, made, sizeof first);
    ck_assert_int_eq(judge(), COOKIE_GOOD);

    secrets.count = 0;
    add_secret(new);
    add_secret(old);
    ck_assert_int_eq(judge(), COOKIE_GOOD);
    ck_assert(memcmp(made, first, sizeof first) != 0); /* the new secret's, at once */
    send_octets(made, sizeof made);

    secrets.count = 1;
    ck_assert_int_eq(judge(), COOKIE_GOOD);
    send_octets(first, sizeof first);
    ck_assert_int_eq(judge(), COOKIE_BAD);
}
END_TEST

START_TEST(the_last_of_many_secrets_counts)
{
    learn();
    memmove(secrets.octets[COOKIE_SECRETS - 1], secrets.octets[0], COOKIE_SECRET_OCTETS);
    memset(secrets.octets, 0x55, (COOKIE_SECRETS - 1) * COOKIE_SECRET_OCTETS);
    secrets.count = COOKIE_SECRETS;
    ck_assert_int_eq(judge(), COOKIE_GOOD);
}
END_TEST

START_TEST(none_is_none)
{
    ck_assert_int_eq(judge(), COOKIE_NONE);
    learn();
    secrets.count = 0; /* off */
    ck_assert_int_eq(judge(), COOKIE_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer/cookie");
    TCase *cookies = tcase_create("cookies");

    tcase_add_checked_fixture(cookies, set_up, NULL);
    tcase_add_loop_test(cookies, agrees_with_the_rfc, 0, COUNT(vectors));
    tcase_add_loop_test(cookies, is_good_for_an_hour, 0, 2 * COUNT(ages));
    tcase_add_loop_test(cookies, is_of_no_use_to_others, 0, COUNT(others));
    tcase_add_test(cookies, every_bit_counts);
    tcase_add_test(cookies, another_length_is_bad);
    tcase_add_test(cookies, another_version_is_bad);
    tcase_add_test(cookies, secrets_roll_over);
    tcase_add_test(cookies, the_last_of_many_secrets_counts);
    tcase_add_test(cookies, none_is_none);
    suite_add_tcase(suite, cookies);
    return run_suite(suite);
}
