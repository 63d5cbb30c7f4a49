/* test_room_crowd.c - connections are counted by address and network, and the one to do without is
 * found, through any coming and going. */
#include "support.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "avow/room/crowd.h"
#include "names.h"

enum { MOST = 60, NETWORKS = 5, ADDRESSES = 4, STEPS = 20000 };

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
    bool same_address, same_network;
} rows[] = {
    {"192.0.2.1", "192.0.2.1", true, true},
    {"192.0.2.1", "192.0.2.254", false, true},
    {"192.0.2.1", "192.0.3.1", false, false},
    {"2001:db8:0:aa00::1", "2001:db8:0:aa00::1", true, true},
    {"2001:db8:0:aa00::1", "2001:db8:0:aaff::1", false, true},
    {"2001:db8:0:aa00::1", "2001:db8:0:ab00::1", false, false},
    {"0.0.0.1", "::1", false, false},
    {"0.0.0.0", "::", false, false},
    {"::1", "::2", false, true},
};

START_TEST(a_network_is_what_one_customer_has)
{
    union address a = address_of(rows[_i].a), b = address_of(rows[_i].b);
    struct crowd_member member;
    struct crowd crowd;

    ck_assert_int_eq(crowd_open(&crowd, 1), RESULT_OK);
    crowd_enter(&crowd, &member, &a);
    ck_assert_msg(crowd_count(&crowd, CROWD_ADDRESS, &b) == rows[_i].same_address,
                  "the addresses %s and %s", rows[_i].a, rows[_i].b);
    ck_assert_msg(crowd_count(&crowd, CROWD_NETWORK, &b) == rows[_i].same_network,
                  "the networks of %s and %s", rows[_i].a, rows[_i].b);
    crowd_close(&crowd);
}
END_TEST

/* ---- a model ---------------------------------------------------------------------------------*/

struct guest {
    struct crowd_member member;
    unsigned network, address;
    unsigned since; /* the step in which it began to wait; 0: it does not */
};

struct model {
    struct crowd crowd;
    struct guest *guests[MOST];
    unsigned count;
    bool six;
};

static union address address_in(const struct model *model, unsigned network, unsigned address)
{
    union address client = address_of(model->six ? "2001:db8::" : "10.0.0.0");

    if (model->six) {
        client.six.sin6_addr.s6_addr[6] = (uint8_t)(network / 2); /* the last octet of a /56 */
        client.six.sin6_addr.s6_addr[7] = (uint8_t)network;
        client.six.sin6_addr.s6_addr[15] = (uint8_t)address;
    } else {
        client.four.sin_addr.s_addr = htonl(10U << 24 | network << 8 | address);
    }
    return client;
}

/* Two and two of the model's IPv6 networks are in one /56. */
static unsigned network_in(const struct model *model, unsigned network)
{
    return model->six ? network / 2 : network;
}

static unsigned members(const struct model *model, enum crowd_level level, unsigned network,
                        unsigned address)
{
    unsigned count = 0;

    for (unsigned i = 0; i < model->count; i++) {
        const struct guest *guest = model->guests[i];
        bool same = level == CROWD_ADDRESS
                        ? guest->network == network && guest->address == address
                        : network_in(model, guest->network) == network_in(model, network);
        count += same;
    }
    return count;
}

static unsigned waiting(const struct model *model, unsigned network)
{
    unsigned count = 0;

    for (unsigned i = 0; i < model->count; i++)
        count += model->guests[i]->since &&
                 network_in(model, model->guests[i]->network) == network_in(model, network);
    return count;
}

/* When the network showed its last sign of life. */
static unsigned last_sign(const struct model *model, unsigned network)
{
    unsigned last = 0;

    for (unsigned i = 0; i < model->count; i++) {
        const struct guest *guest = model->guests[i];
        if (network_in(model, guest->network) == network_in(model, network) && guest->since > last)
            last = guest->since;
    }
    return last;
}

static struct guest *idlest_of(const struct model *model, unsigned network)
{
    struct guest *found = NULL;
    unsigned most = 0;

    for (unsigned i = 0; i < model->count; i++) {
        struct guest *guest = model->guests[i];
        if (!guest->since || network_in(model, guest->network) != network_in(model, network))
            continue;
        unsigned count = members(model, CROWD_ADDRESS, guest->network, guest->address);
        if (count > most || (count == most && guest->since < found->since)) {
            found = guest;
            most = count;
        }
    }
    return found;
}

static struct guest *idlest_of_address(const struct model *model, unsigned network,
                                       unsigned address)
{
    struct guest *found = NULL;

    for (unsigned i = 0; i < model->count; i++) {
        struct guest *guest = model->guests[i];
        if (guest->since && guest->network == network && guest->address == address &&
            (!found || guest->since < found->since))
            found = guest;
    }
    return found;
}

static struct guest *guest_of(struct crowd_member *member)
{
    return member ? (struct guest *)((char *)member - offsetof(struct guest, member)) : NULL;
}

static void come(struct model *model, unsigned network, unsigned address)
{
    struct guest *guest = calloc(1, sizeof *guest);
    union address client = address_in(model, network, address);

    ck_assert_ptr_nonnull(guest);
    guest->network = network;
    guest->address = address;
    crowd_enter(&model->crowd, &guest->member, &client);
    model->guests[model->count++] = guest;
}

static void go(struct model *model, unsigned which)
{
    crowd_leave(&model->crowd, &model->guests[which]->member);
    free(model->guests[which]);
    model->guests[which] = model->guests[--model->count];
}

static void compare(const struct model *model, unsigned network, unsigned address)
{
    union address client = address_in(model, network, address);
    const struct crowd *crowd = &model->crowd;

    ck_assert_uint_eq(crowd_count(crowd, CROWD_ADDRESS, &client),
                      members(model, CROWD_ADDRESS, network, address));
    ck_assert_uint_eq(crowd_count(crowd, CROWD_NETWORK, &client),
                      members(model, CROWD_NETWORK, network, address));
    ck_assert_ptr_eq(guest_of(crowd_idlest_of_address(crowd, &client)),
                     idlest_of_address(model, network, address));
    ck_assert_ptr_eq(guest_of(crowd_idlest_of_network(crowd, &client)), idlest_of(model, network));
}

/* The network with most who wait; which of several such is told in the test of ties. */
static void compare_heaviest(const struct model *model)
{
    const struct guest *idlest = guest_of(crowd_idlest(&model->crowd));
    unsigned most = 0;

    for (unsigned network = 0; network < NETWORKS; network++) {
        if (waiting(model, network) > most)
            most = waiting(model, network);
    }
    ck_assert_int_eq(idlest != NULL, most != 0);
    if (!idlest)
        return;
    ck_assert_uint_eq(waiting(model, idlest->network), most);
    ck_assert_ptr_eq(idlest, idlest_of(model, idlest->network));
}

START_TEST(all_is_as_in_a_plain_model)
{
    struct model model = {.six = _i};
    uint64_t state = 1;

    ck_assert_int_eq(crowd_open(&model.crowd, MOST), RESULT_OK);
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned network = (unsigned)(next_number(&state) % NETWORKS);
        unsigned address = (unsigned)(next_number(&state) % ADDRESSES);
        unsigned what = (unsigned)(next_number(&state) % 6);
        unsigned which = model.count ? (unsigned)(next_number(&state) % model.count) : 0;
        if (what < 2 && model.count < MOST) {
            come(&model, network, address);
        } else if (what == 2 && model.count) {
            go(&model, which);
        } else if (what == 3 && model.count) {
            crowd_wait_no_more(&model.crowd, &model.guests[which]->member);
            model.guests[which]->since = 0;
        } else if (model.count) {
            crowd_wait(&model.crowd, &model.guests[which]->member);
            model.guests[which]->since = step;
        }
        compare(&model, network, address);
        compare_heaviest(&model);
    }
    while (model.count)
        go(&model, 0);
    crowd_close(&model.crowd);
}
END_TEST

/* Of networks with as many who wait, the one that has been silent for longest. */
START_TEST(of_equal_networks_the_silent_one_goes_first)
{
    struct model model = {.six = false};

    ck_assert_int_eq(crowd_open(&model.crowd, MOST), RESULT_OK);
    for (unsigned network = 0; network < NETWORKS; network++) {
        come(&model, network, 1);
        crowd_wait(&model.crowd, &model.guests[network]->member);
        model.guests[network]->since = network + 1;
    }
    crowd_wait(&model.crowd, &model.guests[0]->member);
    model.guests[0]->since = NETWORKS + 1;
    for (unsigned network = 1; network <= NETWORKS; network++) {
        struct guest *idlest = guest_of(crowd_idlest(&model.crowd));
        ck_assert_uint_eq(idlest->network, network % NETWORKS);
        for (unsigned i = 0; i < model.count; i++)
            ck_assert_uint_le(last_sign(&model, idlest->network), model.guests[i]->since);
        for (unsigned i = 0; i < model.count; i++) {
            if (model.guests[i] == idlest)
                go(&model, i);
        }
    }
    crowd_close(&model.crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room/crowd");
    TCase *tests = tcase_create("crowd");

    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, a_network_is_what_one_customer_has, 0, COUNT(rows));
    tcase_add_loop_test(tests, all_is_as_in_a_plain_model, 0, 2);
    tcase_add_test(tests, of_equal_networks_the_silent_one_goes_first);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
