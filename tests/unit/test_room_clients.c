/* test_room_clients.c - how many clients a room may have: what it needs for itself is left. */
#include "support.h"

#include <string.h>
#include <sys/resource.h>

#include "src/room/inside.h"

static const struct row {
    const char *what;
    enum room_kind kind;
    uint16_t workers;
    size_t sockets;
    uint32_t clients;
} rows[] = {
    {"a front", ROOM_FRONT, 2, 8, 1000},
    {"a front of many workers", ROOM_FRONT, 64, 256, 100000},
    {"a front of many workers and addresses", ROOM_FRONT, 64, 2560, 1000},
    {"a desk", ROOM_DESK, 2, 0, 1000},
    {"a desk with few clients", ROOM_DESK, 1, 0, 1},
    {"a desk of many workers", ROOM_DESK, 8, 0, 5000},
};

enum { WORKER = 16 + 64, LEFT = 512, FEW = 3000 };

struct rig {
    struct config config;
    struct room_inside inside;
    struct room room;
};

static void rig_open(struct rig *rig, const struct row *row)
{
    memset(rig, 0, sizeof *rig);
    rig->config.server.tcp_clients = rig->config.transfers.clients = row->clients;
    rig->room.inside = &rig->inside;
    rig->room.config = &rig->config;
    rig->room.kind = row->kind;
    rig->room.workers = row->workers;
    rig->room.socket_count = row->sockets;
}

/* What the room has open beside its clients. */
static uint32_t own(const struct row *row)
{
    return (uint32_t)row->sockets + row->workers * (row->kind == ROOM_FRONT ? (uint32_t)WORKER : 1);
}

/* No test lowers the limit of another: each has a process of its own. */
static void limit_to(rlim_t descriptors)
{
    struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};
    struct rlimit now;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
    if (now.rlim_max > descriptors)
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(all_that_are_configured_find_room)
{
    struct rig rig;
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rig_open(&rig, &rows[_i]);
    uint32_t clients = room_clients(&rig.room, rows[_i].clients);
    ck_assert_msg(clients == rows[_i].clients ||
                      limit.rlim_max < own(&rows[_i]) + LEFT + rows[_i].clients,
                  "%s: %u", rows[_i].what, clients);
}
END_TEST

/* A reload that wants more gets no more than the room has descriptors for. */
START_TEST(what_the_room_needs_for_itself_is_left)
{
    struct rig rig;

    rig_open(&rig, &rows[_i]);
    uint32_t clients = room_clients(&rig.room, 1000000);
    ck_assert_uint_ge(clients, 1);
    ck_assert_msg(clients + own(&rows[_i]) + LEFT <= rig.inside.descriptors, "%s: %u of %u",
                  rows[_i].what, clients, rig.inside.descriptors);
    ck_assert_uint_eq(room_clients(&rig.room, 1), 1);
}
END_TEST

START_TEST(the_limit_of_the_system_holds)
{
    static const struct row row = {"", ROOM_FRONT, 2, 8, 100000};
    struct rig rig;

    limit_to(FEW);
    rig_open(&rig, &row);
    uint32_t clients = room_clients(&rig.room, row.clients);
    ck_assert_uint_le(clients + own(&row) + LEFT, FEW);
    ck_assert_uint_ge(clients, FEW / 2); /* but for that, all */
}
END_TEST

START_TEST(of_very_few_descriptors_some_are_for_clients)
{
    static const struct row row = {"", ROOM_FRONT, 16, 64, 1000};
    struct rig rig;

    limit_to(256);
    rig_open(&rig, &row);
    ck_assert_uint_eq(room_clients(&rig.room, row.clients), 64);
    ck_assert_uint_eq(room_clients(&rig.room, 1), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room/clients");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, all_that_are_configured_find_room, 0, COUNT(rows));
    tcase_add_loop_test(all, what_the_room_needs_for_itself_is_left, 0, COUNT(rows));
    tcase_add_test(all, the_limit_of_the_system_holds);
    tcase_add_test(all, of_very_few_descriptors_some_are_for_clients);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
