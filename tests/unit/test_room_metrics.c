/* test_room_metrics.c - counters in stripes, pages that cannot be changed by their readers. */
#include "avow/room/metrics.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/room/confine.h"
#include "avow/room/pages.h"
#include "support.h"

enum { THREADS = 4, TURNS = 200000 };

static struct metrics_page *make_page(int *writable, int *readable)
{
    ck_assert_int_eq(page_make(PAGE_METRICS, writable, readable), RESULT_OK);
    struct metrics_page *page = page_map(PAGE_METRICS, *writable, true);
    ck_assert_ptr_nonnull(page);
    return page;
}

static void *count_up(void *context)
{
    struct metrics_stripe *stripe = context;
    for (int i = 0; i < TURNS; i++)
        metric_add(stripe, METRIC_RESPONSES, 1);
    return NULL;
}

START_TEST(threads_count_without_a_lock)
{
    int writable, readable;
    struct metrics_page *page = make_page(&writable, &readable);
    const struct metrics_page *seen = page_map(PAGE_METRICS, readable, false);
    pthread_t threads[THREADS];

    ck_assert_ptr_nonnull(seen);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, &page->stripes[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(metrics_sum(seen, METRIC_RESPONSES), (uint64_t)THREADS * TURNS);
    ck_assert_uint_eq(metrics_sum(seen, METRIC_QUERIES_UDP), 0);
    ck_assert_uint_eq(metrics_sum(NULL, METRIC_RESPONSES), 0);
    metric_add(NULL, METRIC_RESPONSES, 1);
    page_unmap(PAGE_METRICS, page);
    page_unmap(PAGE_METRICS, (void *)seen);
    close(writable);
    close(readable);
}
END_TEST

START_TEST(a_restart_zeroes_gauges_only)
{
    int writable, readable;
    struct metrics_page *page = make_page(&writable, &readable);

    metric_add(&page->stripes[7], METRIC_QUERIES_TCP, 3);
    metric_set(&page->stripes[7], METRIC_TCP_OPEN, 2);
    metrics_reset_gauges(page);
    ck_assert_uint_eq(metrics_sum(page, METRIC_QUERIES_TCP), 3);
    ck_assert_uint_eq(metrics_sum(page, METRIC_TCP_OPEN), 0);
    page_unmap(PAGE_METRICS, page);
    close(writable);
    close(readable);
}
END_TEST

START_TEST(names_are_there_and_differ)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_name((enum metric)i);
        ck_assert_ptr_nonnull(name);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        ck_assert_uint_gt(strlen(metric_help((enum metric)i)), 3);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(name, metric_name((enum metric)j));
    }
    ck_assert_int_eq(metric_kind(METRIC_TCP_OPEN), METRIC_GAUGE);
    ck_assert_int_eq(metric_kind(METRIC_RESPONSES), METRIC_COUNTER);
}
END_TEST

START_TEST(a_reader_cannot_write_or_resize)
{
    int writable, readable;
    char path[64];

    ck_assert_int_eq(page_make((enum page_kind)_i, &writable, &readable), RESULT_OK);
    size_t octets = page_octets((enum page_kind)_i);
    ck_assert_ptr_null(page_map((enum page_kind)_i, readable, true));
    void *page = page_map((enum page_kind)_i, readable, false);
    ck_assert_ptr_nonnull(page);
    ck_assert_int_ne(mprotect(page, octets, PROT_READ | PROT_WRITE), 0);
    ck_assert_int_ne(ftruncate(writable, 0), 0);
    ck_assert_int_ne(ftruncate(writable, (off_t)octets * 2), 0);
    ck_assert_int_lt(write(readable, "x", 1), 0);
    /* A reader in a room cannot open files, which is what keeps it from this: */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", readable);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0)
        close(again);
    page_unmap((enum page_kind)_i, page);
    close(writable);
    close(readable);
}
END_TEST

START_TEST(only_a_sealed_page_is_mapped)
{
    int plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char *folder = folder_make();
    char path[256];

    ck_assert_int_ge(plain, 0);
    ck_assert_int_eq(ftruncate(plain, (off_t)page_octets(PAGE_READERS)), 0);
    ck_assert_ptr_null(page_map(PAGE_READERS, plain, false)); /* could be cut under us */
    ck_assert_int_eq(fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    void *page = page_map(PAGE_READERS, plain, false);
    ck_assert_ptr_nonnull(page);
    page_unmap(PAGE_READERS, page);
    ck_assert_ptr_null(page_map(PAGE_METRICS, plain, false)); /* another size */
    ck_assert_ptr_null(page_map(PAGE_READERS, -1, false));

    (void)snprintf(path, sizeof path, "%s/file", folder);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(file, (off_t)page_octets(PAGE_READERS)), 0);
    ck_assert_ptr_null(page_map(PAGE_READERS, file, false));
    close(file);
    close(plain);
    folder_remove(folder);
}
END_TEST

/* ---- what was confined is told as it is ----------------------------------------------------- */

START_TEST(confinement_is_put_in_words)
{
    char text[256];
    struct confinement some = {.active = 1U << CONFINE_SECCOMP | 1U << CONFINE_LIMITS,
                               .missing = 1U << CONFINE_LANDLOCK};
    struct confinement all = {.active = 1U << CONFINE_SECCOMP};

    ck_assert_str_eq(confinement_text(&some, text, sizeof text),
                     "limits, seccomp; missing: landlock");
    ck_assert_str_eq(confinement_text(&all, text, sizeof text), "seccomp");
    char small[8];
    (void)confinement_text(&some, small, sizeof small);
    ck_assert_uint_lt(strlen(small), sizeof small);
}
END_TEST

/* The keeper: beneath its paths and nowhere else. The signer: everywhere but the store. */
static int try_in_child(enum room_kind room, const char *folder, int (*what)(const char *folder),
                        bool network)
{
    char inside[256];
    (void)snprintf(inside, sizeof inside, "%s/state", folder);
    pid_t pid = fork();
    if (pid == 0) {
        struct confine_path paths[] = {{inside, CONFINE_WRITE}};
        struct confine_order order = {.room = room, .user = (uid_t)-1, .network = network};
        struct confinement confinement = {0};
        if (room == ROOM_KEEPER) {
            order.paths = paths;
            order.path_count = 1;
        } else {
            order.forbidden = inside;
        }
        if (confine(&order, &confinement))
            _exit(99);
        if (confinement.missing)
            _exit(98);
        _exit(what(folder));
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int can_write(const char *folder, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return file >= 0;
}

static int which(const char *folder)
{
    return can_write(folder, "state/new") | can_write(folder, "beside/new") << 1;
}

static int can_connect(const char *folder)
{
    (void)folder;
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int here = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET};
    int bound = tcp >= 0 && bind(tcp, (struct sockaddr *)&any, sizeof any) == 0;
    return (tcp >= 0) | (here >= 0) << 1 | (packet >= 0) << 2 | bound << 3;
}

START_TEST(the_signer_meets_the_network_only_when_told_to)
{
    char *folder = folder_make();
    char path[256];

    (void)snprintf(path, sizeof path, "%s/state", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    int met = try_in_child(ROOM_SIGNER, folder, can_connect, _i == 1);
    folder_remove(folder);
    if (met != 98)
        ck_assert_int_eq(met, _i == 1 ? 3 : 2);
}
END_TEST

START_TEST(landlock_draws_the_line_at_the_store)
{
    char *folder = folder_make();
    char path[256];

    (void)snprintf(path, sizeof path, "%s/state", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/beside", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    int keeper = try_in_child(ROOM_KEEPER, folder, which, false);
    int signer = try_in_child(ROOM_SIGNER, folder, which, false);
    folder_remove(folder);
    if (keeper == 98 || signer == 98)
        return; /* a kernel without Landlock: said at every start */
    ck_assert_int_eq(keeper, 1);
    ck_assert_int_eq(signer, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room/metrics");
    TCase *counters = tcase_create("counters");
    TCase *pages = tcase_create("pages");
    TCase *confinement = tcase_create("confinement");

    tcase_set_timeout(counters, 60);
    tcase_add_test(counters, threads_count_without_a_lock);
    tcase_add_test(counters, a_restart_zeroes_gauges_only);
    tcase_add_test(counters, names_are_there_and_differ);
    tcase_add_loop_test(pages, a_reader_cannot_write_or_resize, 0, PAGE_KINDS);
    tcase_add_test(pages, only_a_sealed_page_is_mapped);
    tcase_add_test(confinement, confinement_is_put_in_words);
    tcase_add_loop_test(confinement, the_signer_meets_the_network_only_when_told_to, 0, 2);
    tcase_add_test(confinement, landlock_draws_the_line_at_the_store);
    suite_add_tcase(suite, counters);
    suite_add_tcase(suite, pages);
    suite_add_tcase(suite, confinement);
    return run_suite(suite);
}
