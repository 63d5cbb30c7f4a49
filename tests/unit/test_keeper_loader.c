/* test_keeper_loader.c - the thread that turns a zone file into slices: good files, bad files, and
 * being told to stop at any moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/keeper/loader.h"
#include "../../src/keeper/slice.h"
#include "avow/base/clock.h"
#include "store_support.h"

static struct loader_thread loader;
static struct ev_loop *loop;
static ev_async wake;
static char *folder, path[512];
static const uint8_t dnskey_run[] = {0, 6, 1, 1, 3, 13, 7, 7};

static void woken(struct ev_loop *on, ev_async *watcher, int events)
{
    (void)on, (void)watcher, (void)events;
}

static void open_loader(void)
{
    loop = ev_loop_new(EVBACKEND_EPOLL);
    ck_assert_ptr_nonnull(loop);
    ev_async_init(&wake, woken);
    ev_async_start(loop, &wake);
    folder = folder_make();
    (void)snprintf(path, sizeof path, "%s/a.zone", folder);
    loader = (struct loader_thread){.loop = loop, .wake = &wake};
    loader.task = (struct load_task){.zone = name_of("example."), .file = path};
    loader.task.signing = (struct compose_signing){
        .denial = COMPOSE_NSEC3,
        .nsec3.algorithm = NSEC3_SHA1,
        .zone_room = 100,
        .key_room = 100,
        .dnskeys = {dnskey_run, sizeof dnskey_run, 1},
    };
}

static void close_loader(void)
{
    loader_thread_join(&loader);
    buffer_free(&loader.end.text);
    ev_async_stop(loop, &wake);
    ev_loop_destroy(loop);
    folder_remove(folder);
}

static void write_file(const char *text, unsigned hosts)
{
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    for (unsigned i = 0; i < hosts; i++)
        ck_assert_int_gt(fprintf(out, "h%06u 300 TXT \"%0200u\"\n", i, i), 0);
    ck_assert_int_eq(fclose(out), 0);
}

/* Take slices until the end; returns how many records there were. */
static uint64_t take_all(void)
{
    uint64_t count = 0;
    bool ended = false;

    while (!ended) {
        struct buffer slice;
        if (loader_thread_take(&loader, &slice, &ended) == FOUND_NOT) {
            if (!ended)
                ev_run(loop, EVRUN_ONCE);
            continue;
        }
        struct reader reader = reader_over(slice.octets, slice.length);
        struct slice_record record;
        while (slice_next(&reader, &record))
            count++;
        ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
        buffer_free(&slice);
    }
    loader_thread_join(&loader);
    return count;
}

#define HEAD "$ORIGIN example.\n@ 300 SOA ns h 7 1 2 3 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"

START_TEST(a_good_file)
{
    write_file(HEAD, 100000); /* several slices */
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    uint64_t records = take_all();
    const struct load_end *end = &loader.end;
    ck_assert_int_eq(end->result, RESULT_OK);
    ck_assert_int_eq(end->mode, LOAD_NEW);
    ck_assert_uint_eq(end->errors, 0);
    ck_assert_uint_eq(end->said, 7);
    ck_assert_uint_eq(end->totals.serial, 7);
    ck_assert_uint_eq(end->totals.names, 100002);
    ck_assert_uint_eq(end->totals.denials, 100002);
    ck_assert_uint_eq(records, 2 * 100002); /* nodes and NSEC3 records */
    ck_assert_uint_gt(end->file_size, 20000000);
    ck_assert_uint_gt(end->file_time, 0);
}
END_TEST

START_TEST(the_serial_goes_up)
{
    write_file(HEAD, 0);
    loader.task.served_serial = 9;
    loader.task.has_serial = true;
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    (void)take_all();
    ck_assert_uint_eq(loader.end.said, 7);
    ck_assert_uint_eq(loader.end.totals.serial, 10);
}
END_TEST

START_TEST(every_error_is_said)
{
    char place[600];

    write_file("@ 300 SOA ns h 7 1 2 3 60\n"
               "@ 300 NS ns\n"
               "a 300 A 1.2.3\n"
               "b 300 MX x\n"
               "c 300 NOSUCHTYPE x\n"
               "elsewhere.org. 300 A 192.0.2.1\n"
               "ns 300 A 192.0.2.1\n",
               0);
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    ck_assert_uint_eq(take_all(), 0);
    ck_assert_int_eq(loader.end.result, RESULT_FORMAT);
    ck_assert_uint_eq(loader.end.errors, 4);
    for (unsigned line = 3; line <= 6; line++) {
        (void)snprintf(place, sizeof place, "%s:%u:", path, line);
        ck_assert_msg(strstr((const char *)loader.end.text.octets, place), "%s", place);
    }
}
END_TEST

/* What only the walk over sorted records finds, with places too. */
START_TEST(rules_are_kept)
{
    write_file("@ 300 SOA ns h 7 1 2 3 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"
               "c 300 CNAME ns\nc 300 A 192.0.2.2\n",
               0);
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    (void)take_all();
    ck_assert_int_eq(loader.end.result, RESULT_FORMAT);
    ck_assert_uint_ge(loader.end.errors, 1);
    ck_assert_ptr_nonnull(strstr((const char *)loader.end.text.octets, "CNAME"));
}
END_TEST

START_TEST(no_file_and_no_records)
{
    if (_i == 1)
        write_file("", 0);
    if (_i == 2)
        (void)snprintf(path, sizeof path, "%s", folder); /* a folder */
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    ck_assert_uint_eq(take_all(), 0);
    ck_assert_int_ne(loader.end.result, RESULT_OK);
    ck_assert_uint_ge(loader.end.errors, 1);
    ck_assert_uint_gt(strlen((const char *)loader.end.text.octets), 0);
}
END_TEST

/* In the middle of reading, of composing, or with the queue full: it ends soon, nothing leaks. */
START_TEST(it_can_be_told_to_stop)
{
    write_file(HEAD, 200000);
    ck_assert_int_eq(loader_thread_start(&loader), RESULT_OK);
    if (_i == 0) {
        struct buffer slice;
        bool ended;
        while (loader_thread_take(&loader, &slice, &ended) == FOUND_NOT)
            ev_run(loop, EVRUN_ONCE);
        buffer_free(&slice);
        (void)usleep(200000); /* now the queue is full */
    } else {
        (void)usleep((useconds_t)_i * 20000);
    }
    uint64_t start = clock_monotonic_ms();
    loader_thread_cancel(&loader);
    loader_thread_join(&loader);
    ck_assert_uint_lt(clock_monotonic_ms() - start, 1500);
    ck_assert_int_eq(loader.end.result, RESULT_REFUSED);
    ck_assert_uint_eq(loader.end.errors, 0); /* it is no error of the file */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/loader");
    TCase *tests = tcase_create("loader");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_loader, close_loader);
    tcase_add_test(tests, a_good_file);
    tcase_add_test(tests, the_serial_goes_up);
    tcase_add_test(tests, every_error_is_said);
    tcase_add_test(tests, rules_are_kept);
    tcase_add_loop_test(tests, no_file_and_no_records, 0, 3);
    tcase_add_loop_test(tests, it_can_be_told_to_stop, 0, 4);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
