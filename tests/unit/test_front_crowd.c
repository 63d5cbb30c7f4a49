/* test_front_crowd.c - connections are counted by network, through any coming and going. */
#include "support.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "src/front/crowd.h"

enum { MOST = 300, NETWORKS = 40, STEPS = 20000 };

static union address address_of(const char *text)
{
    union address address;

    memset(&address, 0, sizeof address);
    bool six = strchr(text, ':') != NULL;
    address.any.sa_family = six ? AF_INET6 : AF_INET;
    void *octets = six ? (void *)&address.six.sin6_addr : (void *)&address.four.sin_addr;
    ck_assert_int_eq(inet_pton(address.any.sa_family, text, octets), 1);
    return address;
}

static const struct {
    const char *a, *b;
    bool same;
} rows[] = {
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.254", true},
    {"192.0.2.1", "192.0.3.1", false},
    {"2001:db8:0:aa00::1", "2001:db8:0:aaff::1", true},
    {"2001:db8:0:aa00::1", "2001:db8:0:ab00::1", false},
    {"0.0.0.1", "::1", false},
    {"::1", "::2", true},
};

START_TEST(a_network_is_what_one_customer_has)
{
    union address a = address_of(rows[_i].a), b = address_of(rows[_i].b);

    ck_assert_msg(crowd_is_same(&a, &b) == rows[_i].same, "%s and %s", rows[_i].a, rows[_i].b);
}
END_TEST

START_TEST(counts_are_those_of_a_plain_model)
{
    struct crowd crowd;
    struct {
        unsigned network;
        uint32_t member;
    } open[MOST];
    unsigned count = 0, model[NETWORKS] = {0};
    uint64_t state = 1;

    ck_assert_int_eq(crowd_open(&crowd, MOST), RESULT_OK);
    for (unsigned step = 0; step < STEPS; step++) {
        union address client = address_of(_i ? "2001:db8::" : "10.0.0.0");
        unsigned network = (unsigned)(next_number(&state) % NETWORKS);
        if (_i)
            client.six.sin6_addr.s6_addr[5] = (uint8_t)network;
        else
            client.four.sin_addr.s_addr = htonl(10U << 24 | network << 8 | step % 256);
        if (count < MOST && next_number(&state) % 2) {
            open[count].network = network;
            open[count++].member = crowd_enter(&crowd, &client);
            model[network]++;
        } else if (count > 0) {
            unsigned which = (unsigned)(next_number(&state) % count);
            ck_assert_uint_eq(crowd_size(&crowd, open[which].member), model[open[which].network]);
            crowd_leave(&crowd, open[which].member);
            model[open[which].network]--;
            open[which] = open[--count];
        }
        ck_assert_uint_eq(crowd_count(&crowd, &client), model[network]);
    }
    crowd_close(&crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/crowd");
    TCase *tests = tcase_create("crowd");

    tcase_add_loop_test(tests, a_network_is_what_one_customer_has, 0, COUNT(rows));
    tcase_add_loop_test(tests, counts_are_those_of_a_plain_model, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
