/*
 * test_change_pins.c - readers without the lock file beside a writer that commits thousands of
 * times, and whose room is killed in between: each snapshot that they get is whole.
 *
 * Every commit writes the same number into all records of a set that is rewritten, so that its
 * pages are used again as soon as LMDB may; a reader must never see two numbers.
 */
#include "store_support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/change/pins.h"

enum { NODES = 120, READERS = 3, COMMITS = 2500, KILLS = 12, LAGGARD_MS = 5 };

struct report {
    _Atomic uint64_t snapshots, later, wrong, broken;
    _Atomic bool stop;
};

static char *folder;
static int published[2], readers[READERS][2]; /* writable, readable */
static struct report *report;

static void node_name_of(unsigned i, struct name *name)
{
    char text[64];

    snprintf(text, sizeof text, "n%03u.example.", i);
    if (name_from_string(text, name))
        abort();
}

/* ---- the reader's process: it says what went wrong in shared memory ---------------------------
 */

static bool same_everywhere(struct snapshot *snapshot)
{
    uint64_t first = 0;

    for (unsigned i = 0; i < NODES; i++) {
        struct name name;
        struct lookup lookup;
        struct rrset_view rrset;
        node_name_of(i, &name);
        lookup_name(snapshot, 1, &name, &lookup);
        if (lookup.place != PLACE_EXACT ||
            node_find(&lookup.node, TYPE_TXT, &rrset) != RECORD_THERE || rrset.rdata.length < 10)
            return false;
        uint64_t number;
        memcpy(&number, rrset.rdata.octets + 2, sizeof number);
        if (i > 0 && number != first)
            return false;
        first = number;
    }
    return true;
}

static void read_on(struct snapshot *snapshot, unsigned seed)
{
    for (uint64_t turn = seed; !atomic_load(&report->stop); turn++) {
        switch (snapshot_renew(snapshot)) {
        case RENEWAL_LATER:
            atomic_fetch_add(&report->later, 1);
            continue;
        case RENEWAL_BROKEN:
            atomic_fetch_add(&report->broken, 1);
            continue;
        case RENEWAL_READY:
            break;
        }
        if (turn % 7 == 0)
            usleep(300); /* held for longer than a commit takes */
        if (!same_everywhere(snapshot))
            atomic_fetch_add(&report->wrong, 1);
        atomic_fetch_add(&report->snapshots, 1);
        snapshot_rest(snapshot);
        if (turn % 3 == 0)
            usleep((useconds_t)(turn * 37 % 900)); /* idle, so that renewals meet every moment */
    }
}

static void reader_process(unsigned which)
{
    struct pages pages;
    struct store store;
    struct snapshot snapshot;
    const struct store_options options = {.folder = folder,
                                          .access = STORE_READER,
                                          .map_octets = TEST_MAP_OCTETS,
                                          .pages = &pages,
                                          .slot = which};

    if (pages_open_reader(&pages, published[1], readers[which][0]))
        _exit(2);
    while (store_open(&store, &options) != RESULT_OK) {
        if (atomic_load(&report->stop))
            _exit(3);
        usleep(1000);
    }
    if (snapshot_open(&snapshot, &store, &pages, which))
        _exit(4);
    read_on(&snapshot, which);
    snapshot_close(&snapshot);
    store_close(&store);
    pages_close(&pages);
    _exit(0);
}

/* ---- the writer -------------------------------------------------------------------------------
 */

struct writer_side {
    struct store store;
    struct pages pages;
    struct pins pins;
};

static void open_concealed(struct writer_side *side)
{
    const struct store_options options = {.folder = folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = TEST_MAP_OCTETS};
    int descriptors[READERS];

    for (unsigned i = 0; i < READERS; i++)
        descriptors[i] = readers[i][1];
    if (store_open(&side->store, &options) ||
        pages_open_keeper(&side->pages, published[0], descriptors, READERS) ||
        pins_open(&side->pins, &side->store, &side->pages))
        abort();
}

static void open_side(struct writer_side *side)
{
    open_concealed(side);
    pins_reveal(&side->pins);
    while (!pins_settled(&side->pins))
        usleep(100);
}

static void write_number(struct writer_side *side, uint64_t number)
{
    static struct change change;
    uint8_t rdata[202] = {0, 200};
    const uint16_t touched = 1;

    memcpy(rdata + 2, &number, sizeof number);
    if (change_begin(&change, &side->store))
        abort();
    for (unsigned i = 0; i < NODES; i++) {
        struct node_rrset rrset = {.type = TYPE_TXT, .rdata = {rdata, sizeof rdata, 1}};
        struct node_parts parts = {.rrsets = &rrset, .count = 1};
        struct name name;
        node_name_of(i, &name);
        change_put_node(&change, 1, &name, &parts);
    }
    if (change_commit(&change, NULL) || pins_publish(&side->pins, number % 50 == 0, &touched, 1))
        abort();
}

static void close_side(struct writer_side *side)
{
    pins_close(&side->pins);
    pages_close(&side->pages);
    store_close(&side->store);
}

static void writer_process(uint64_t from)
{
    static struct writer_side side;

    open_side(&side);
    for (uint64_t number = from;; number++)
        write_number(&side, number);
}

/* ---- the tests --------------------------------------------------------------------------------
 */

static void set_up(void)
{
    static struct writer_side side;

    folder = folder_make();
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(report != MAP_FAILED);
    ck_assert_int_eq(pages_make(&published[0], &published[1]), RESULT_OK);
    for (unsigned i = 0; i < READERS; i++)
        ck_assert_int_eq(pages_make(&readers[i][0], &readers[i][1]), RESULT_OK);
    open_side(&side);
    write_number(&side, 1);
    close_side(&side);
}

static void tear_down(void)
{
    close(published[0]);
    close(published[1]);
    for (unsigned i = 0; i < READERS; i++) {
        close(readers[i][0]);
        close(readers[i][1]);
    }
    munmap(report, sizeof *report);
    folder_remove(folder);
}

static pid_t start(void (*process)(unsigned), unsigned which)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        process(which);
    return child;
}

static void end_readers(const pid_t *children)
{
    atomic_store(&report->stop, true);
    for (unsigned i = 0; i < READERS; i++) {
        int status;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(atomic_load(&report->wrong), 0);
    ck_assert_uint_eq(atomic_load(&report->broken), 0);
}

START_TEST(readers_see_whole_commits)
{
    static struct writer_side side;
    pid_t children[READERS];
    struct laggard laggard;
    size_t most = 0;

    for (unsigned i = 0; i < READERS; i++)
        children[i] = start(reader_process, i);
    open_side(&side);
    for (uint64_t number = 2; number < COMMITS; number++) {
        write_number(&side, number);
        if (side.pins.count > most)
            most = side.pins.count;
    }
    end_readers(children);
    ck_assert_uint_gt(atomic_load(&report->snapshots), COMMITS / 10);
    ck_assert_uint_le(most, READERS + 1);
    pins_sweep(&side.pins);
    ck_assert_uint_eq(side.pins.count, 1);
    ck_assert(!pins_laggard(&side.pins, 1, &laggard));
    close_side(&side);
}
END_TEST

/* A pin is what keeps a held snapshot whole: without it the pages are used again. */
START_TEST(a_held_snapshot_stays_whole)
{
    static struct writer_side side;
    struct laggard laggard;
    struct pages pages;

    open_side(&side);
    ck_assert_int_eq(pages_open_reader(&pages, published[1], readers[0][0]), RESULT_OK);
    _Atomic uint64_t *slot = &pages.readers[0]->slots[17].ticket;
    uint64_t ticket = atomic_load(&pages.published->ticket);
    atomic_store(slot, ticket);
    for (uint64_t number = 2; number < 20; number++)
        write_number(&side, number);
    ck_assert_uint_eq(side.pins.count, 2);
    ck_assert(pins_laggard(&side.pins, 1000, &laggard));
    ck_assert(pins_laggard(&side.pins, 1000 + LAGGARD_MS, &laggard));
    ck_assert_uint_eq(laggard.behind_ms, LAGGARD_MS);
    ck_assert_uint_eq(laggard.slot, 17);
    ck_assert_uint_eq(laggard.transaction, pages_transaction(ticket));
    ck_assert_uint_eq(atomic_load(&pages.published->last_change[1]),
                      pages_transaction(side.pins.ticket));

    /* A keeper that starts anew holds nothing for that reader: it must not write. */
    close_side(&side);
    const struct store_options options = {.folder = folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = TEST_MAP_OCTETS};
    int descriptor = readers[0][1];
    ck_assert_int_eq(store_open(&side.store, &options), RESULT_OK);
    ck_assert_int_eq(pages_open_keeper(&side.pages, published[0], &descriptor, 1), RESULT_OK);
    ck_assert_int_eq(pins_open(&side.pins, &side.store, &side.pages), RESULT_OK);
    ck_assert(!pins_settled(&side.pins));
    atomic_store(slot, 0);
    ck_assert(pins_settled(&side.pins));
    pins_reveal(&side.pins);
    /* Published under another start: the same commit has another ticket. */
    ck_assert_uint_ne(atomic_load(&pages.published->ticket) >> 48, ticket >> 48);
    pages_close(&pages);
    close_side(&side);
}
END_TEST

/* Until it reveals what it has, a keeper commits as ever; nobody sees anything of it. */
START_TEST(nothing_is_read_before_it_is_revealed)
{
    static struct writer_side side;

    close(published[0]);
    close(published[1]);
    ck_assert_int_eq(pages_make(&published[0], &published[1]), RESULT_OK);
    open_concealed(&side);
    const struct page_published *page = side.pages.published;
    for (uint64_t number = 2; number < 60; number++) {
        write_number(&side, number);
        ck_assert(pins_settled(&side.pins));
        ck_assert_uint_eq(side.pins.count, 1);
        ck_assert_uint_eq(atomic_load(&page->ticket), 0);
        ck_assert_uint_eq(atomic_load(&page->last_change[1]), 0);
        ck_assert_uint_eq(atomic_load(&page->zones_generation), 0);
    }
    pins_reveal(&side.pins);
    ck_assert_uint_eq(atomic_load(&page->ticket), side.pins.ticket);
    ck_assert_uint_eq(atomic_load(&page->zones_generation), 1);
    for (unsigned i = 0; i < PAGES_BUCKETS; i++)
        ck_assert_uint_eq(atomic_load(&page->last_change[i]), pages_transaction(side.pins.ticket));
    write_number(&side, 60);
    ck_assert_uint_eq(atomic_load(&page->ticket), side.pins.ticket);
    close_side(&side);
}
END_TEST

START_TEST(readers_outlive_writers)
{
    pid_t children[READERS];

    for (unsigned i = 0; i < READERS; i++)
        children[i] = start(reader_process, i);
    for (unsigned i = 0; i < KILLS; i++) {
        pid_t writer = fork();
        ck_assert_int_ge(writer, 0);
        if (writer == 0)
            writer_process((uint64_t)(i + 1) * 1000000);
        usleep(60000 + i * 7919 % 40000);
        ck_assert_int_eq(kill(writer, SIGKILL), 0);
        int status;
        ck_assert_int_eq(waitpid(writer, &status, 0), writer);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    end_readers(children);
    ck_assert_uint_gt(atomic_load(&report->snapshots), 100);
}
END_TEST

/* A page that a stranger made too small, or tries to make smaller. */
START_TEST(pages_keep_their_size)
{
    struct pages pages;
    int small = memfd_create("small", MFD_CLOEXEC);

    ck_assert_int_ge(small, 0);
    ck_assert_int_eq(ftruncate(small, 100), 0);
    ck_assert_int_eq(pages_open_reader(&pages, small, readers[0][0]), RESULT_FORMAT);
    ck_assert_int_eq(pages_open_reader(&pages, published[1], small), RESULT_FORMAT);
    ck_assert_int_ne(ftruncate(readers[0][0], 0), 0);
    ck_assert(mmap(NULL, PAGES_OCTETS, PROT_WRITE, MAP_SHARED, published[1], 0) == MAP_FAILED);
    close(small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("change/pins");
    TCase *beside = tcase_create("readers beside a writer");

    tcase_add_checked_fixture(beside, set_up, tear_down);
    tcase_set_timeout(beside, 240);
    tcase_add_test(beside, readers_see_whole_commits);
    tcase_add_test(beside, a_held_snapshot_stays_whole);
    tcase_add_test(beside, nothing_is_read_before_it_is_revealed);
    tcase_add_test(beside, readers_outlive_writers);
    tcase_add_test(beside, pages_keep_their_size);
    suite_add_tcase(suite, beside);
    return run_suite(suite);
}
