/*
 * flips.c - a signed store with a fault in it answers right or not at all.
 *
 * Usage: flips [TURNS [SEED]]. Zones of every kind of place, signed with NSEC, NSEC3 and opt-out,
 * are stored, changed, and asked about every name and many that are not there. In each turn a copy
 * of the store gets a fault: flipped bits, pages that are zero, exchanged, written to the wrong
 * place or as they were before the change, a file that was cut. A process of its own, as the front
 * is, opens it and asks the same again. Each answer must be the same, or SERVFAIL, REFUSED or none:
 * another answer is wrong. Pages of another time have good seals: what they lead to is found by the
 * check that the keeper makes at its start, after which such a zone is not answered; counted apart.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/change/check.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

#include "response.h"

enum {
    PAGE = 4096,
    META_OCTETS = 168, /* of the first two pages, what means something */
    MAP_OCTETS = 64 << 20,
    QUESTIONS = 8192,
    ANSWER_OCTETS = 65535,
    DEADLINE_SECONDS = 20,
    CHANGES = 4, /* commits between what is old and what is not */
    TOLD = 20    /* findings that are printed */
};

enum fault { BIT, BITS, META_BIT, ZEROED, EXCHANGED, MISPLACED, OLD, CUT_AT_PAGE, CUT, FAULTS };

static const struct {
    const char *what;
    unsigned share; /* of 20 turns */
} faults[FAULTS] = {
    [BIT] = {"one bit", 4},
    [BITS] = {"40 bits", 3},
    [META_BIT] = {"a bit of a meta page", 1},
    [ZEROED] = {"a page of zeros", 3},
    [EXCHANGED] = {"two pages exchanged", 2},
    [MISPLACED] = {"a page in another's place", 2},
    [OLD] = {"a page as it once was", 3},
    [CUT_AT_PAGE] = {"cut at a page", 1},
    [CUT] = {"cut anywhere", 1},
};

struct asked {
    uint8_t query[300];
    uint16_t length;
    uint8_t *answer;
    size_t answer_length;
    char text[NAME_MAX_TEXT + 16];
};

/* What a process found; shared with the one that waits for it. */
struct meeting {
    uint64_t same, none, wrong;
    unsigned first; /* question that was answered wrongly */
    bool refused;   /* the store was not opened */
    bool withdrawn; /* the check saw why, and such a zone is answered no more */
    bool checked;   /* it came to its end */
};

struct tally {
    uint64_t turns, untouched, refused, aborted, crashed, hung;
    uint64_t same, none, wrong, old, lasting;
};

struct flips {
    struct world world;
    char path[512]; /* of the store's file */
    uint8_t *now, *old, *work;
    size_t size, old_size;
    struct asked *asked;
    unsigned count;
    struct meeting *found;
    struct tally tallies[FAULTS];
    uint64_t random;
    unsigned told;
    uint8_t answer[ANSWER_OCTETS];
    struct outcome outcome;
    struct query query;
    struct response is, should;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "flips: %s\n", what);
    exit(2);
}

/* xorshift64: a seed is a run. */
static size_t choose(struct flips *flips, size_t most)
{
    flips->random ^= flips->random << 13;
    flips->random ^= flips->random >> 7;
    flips->random ^= flips->random << 17;
    return (size_t)(flips->random >> 11) % most;
}

/* ---- the store and the questions ----------------------------------------------------------------
 */

static uint8_t *read_file(const struct flips *flips, size_t *size)
{
    FILE *file = fopen(flips->path, "rb");
    uint8_t *octets = malloc(MAP_OCTETS);

    must(file && octets, "the store's file cannot be read");
    *size = fread(octets, 1, MAP_OCTETS, file);
    (void)fclose(file);
    return octets;
}

static void load(struct flips *flips, const char *zone_file)
{
    static const struct {
        const char *apex;
        enum world_denial denial;
    } zones[] = {
        {"a.example.", WORLD_NSEC3}, {"b.example.", WORLD_NSEC}, {"c.example.", WORLD_OPT_OUT}};

    world_open(&flips->world, MAP_OCTETS);
    for (unsigned i = 0; i < COUNT(zones); i++)
        world_load(&flips->world, &(struct world_zone){.apex = zones[i].apex,
                                                       .file = zone_file,
                                                       .denial = zones[i].denial,
                                                       .signing = WORLD_SIGNED});
    (void)snprintf(flips->path, sizeof flips->path, "%s/data.mdb", flips->world.folder);
}

/* Another address: what its signature is worth matters to nobody here. */
static void change_name(struct change *change, uint32_t version, const struct name *name)
{
    struct node_view node;
    struct rrset_view view;
    uint8_t octets[512];

    if (lookup_node(change_view(change), version, name, &node) != RECORD_THERE ||
        node_find(&node, TYPE_A, &view) != RECORD_THERE || view.rdata.length > sizeof octets)
        return;
    struct node_rrset rrset = node_rrset_of(&view);
    memcpy(octets, view.rdata.octets, view.rdata.length);
    octets[view.rdata.length - 1]++;
    rrset.rdata.octets = octets;
    must(change_put_rrset(change, version, name, &rrset) == RECORD_THERE, "a change");
}

static void change_zone(struct change *change, const struct name *apex)
{
    struct zone zone;
    struct node_view node;
    struct name at;

    must(zone_get(change_view(change), apex, &zone) == RECORD_THERE, "a zone's row");
    name_copy(&at, apex);
    for (enum walk walk = WALK_FROM;
         lookup_walk(change_view(change), zone.version, walk, &at, &node) == RECORD_THERE;
         walk = WALK_BEHIND) {
        must(node_name(&node, &at) == RESULT_OK, "a name");
        change_name(change, zone.version, &at);
    }
    change_put_zone(change, &zone);
}

/* So often that pages of the old store are used again for others. */
static void age(struct flips *flips)
{
    flips->old = read_file(flips, &flips->old_size);
    for (unsigned i = 0; i < CHANGES; i++) {
        struct change change;
        must(change_begin(&change, &flips->world.store) == RESULT_OK, "a change");
        for (unsigned zone = 0; zone < flips->world.zone_count; zone++)
            change_zone(&change, &flips->world.apexes[zone]);
        must(change_commit(&change, NULL) == RESULT_OK, flips->world.store.problem);
    }
    flips->now = read_file(flips, &flips->size);
    flips->work = malloc(flips->size);
    must(flips->work, "memory");
}

static void add_question(struct flips *flips, const char *prefix, const struct name *name,
                         uint16_t type)
{
    struct world_question question = {
        .type = type, .class_ = CLASS_IN, .dnssec_ok = true, .payload = 1232};
    char text[NAME_MAX_TEXT], mnemonic[TYPE_MAX_TEXT];

    if (flips->count == QUESTIONS)
        return;
    struct asked *asked = &flips->asked[flips->count];
    (void)snprintf(asked->text, sizeof asked->text, "%s%s %s", prefix, name_to_text(name, text),
                   type_to_text(type, mnemonic));
    *strchr(asked->text, ' ') = '\0';
    if (name_from_string(asked->text, &question.name) == RESULT_OK) {
        asked->length = (uint16_t)world_query(&question, asked->query, sizeof asked->query);
        flips->count += asked->length != 0;
    }
    asked->text[strlen(asked->text)] = ' ';
}

/* Every name, and before, below and beside each one that is most likely not there. */
static void add_zone(struct flips *flips, struct snapshot *snapshot, const struct name *apex)
{
    struct zone zone;
    struct node_view node;
    struct name at;

    must(zone_get(snapshot, apex, &zone) == RECORD_THERE, "a zone's row");
    name_copy(&at, apex);
    add_question(flips, "", apex, TYPE_SOA);
    add_question(flips, "", apex, TYPE_DNSKEY);
    for (enum walk walk = WALK_FROM;
         lookup_walk(snapshot, zone.version, walk, &at, &node) == RECORD_THERE;
         walk = WALK_BEHIND) {
        must(node_name(&node, &at) == RESULT_OK, "a name");
        add_question(flips, "", &at, TYPE_A);
        add_question(flips, "", &at, TYPE_TXT);
        add_question(flips, "0.", &at, TYPE_A);
        if (!name_equal(&at, apex))
            add_question(flips, "x", &at, TYPE_A);
    }
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static bool is_no_answer(const struct outcome *outcome)
{
    return outcome->verdict != ANSWER_SEND || outcome->kind == ANSWER_FAILURE ||
           outcome->kind == ANSWER_REFUSED || outcome->kind == ANSWER_ERROR;
}

static void ask(struct flips *flips, struct answerer *answerer, const struct asked *asked)
{
    const struct answer_facts facts = {.now = WORLD_NOW, .transport = ANSWER_TCP};

    must(query_read(asked->query, asked->length, &flips->query) == ANSWER_SEND, "a query");
    answer_query(answerer, &flips->query, &facts, flips->answer, sizeof flips->answer,
                 &flips->outcome);
}

static bool same_record(const struct response_record *a, const struct response_record *b)
{
    return a->section == b->section && a->type == b->type && a->ttl == b->ttl &&
           a->class_ == b->class_ && name_equal(&a->owner, &b->owner) && a->length == b->length &&
           memcmp(a->rdata, b->rdata, a->length) == 0;
}

/* Whether the one is the other, or lacks no more than records of the additional section. */
static bool is_right(const struct response *is, const struct response *should)
{
    unsigned at = 0;

    if (is->rcode != should->rcode || is->header.flags != should->header.flags)
        return false;
    for (unsigned i = 0; i < should->count; i++) {
        if (at < is->count && same_record(&is->records[at], &should->records[i]))
            at++;
        else if (should->records[i].section != SECTION_ADDITIONAL)
            return false;
    }
    return at == is->count;
}

static bool is_same(struct flips *flips, const struct asked *asked)
{
    if (flips->outcome.length == asked->answer_length &&
        memcmp(flips->answer, asked->answer, asked->answer_length) == 0)
        return true;
    return !response_read(flips->answer, flips->outcome.length, &flips->is) &&
           !response_read(asked->answer, asked->answer_length, &flips->should) &&
           is_right(&flips->is, &flips->should);
}

static void ask_all(struct flips *flips, struct snapshot *snapshot, struct zone_table *zones)
{
    struct answerer answerer = {
        .snapshot = snapshot, .zones = zones, .udp_payload = ANSWER_UDP_PAYLOAD};
    struct meeting *found = flips->found;

    for (unsigned i = 0; i < flips->count; i++) {
        /* As the front does, for each batch. */
        if (snapshot->spoiled && snapshot_renew(snapshot) != RENEWAL_READY)
            return;
        ask(flips, &answerer, &flips->asked[i]);
        if (is_no_answer(&flips->outcome)) {
            found->none++;
        } else if (is_same(flips, &flips->asked[i])) {
            found->same++;
        } else {
            found->first = found->wrong++ ? found->first : i;
        }
    }
}

/* Open what is there; false: it was refused. */
static bool open_store(struct flips *flips, struct store *store, struct snapshot *snapshot,
                       struct zone_table *zones)
{
    const struct store_options options = {
        .folder = flips->world.folder, .access = STORE_OFFLINE, .map_octets = MAP_OCTETS};

    return store_open(store, &options) == RESULT_OK &&
           snapshot_open(snapshot, store, NULL, 0) == RESULT_OK &&
           snapshot_renew(snapshot) == RENEWAL_READY &&
           zone_table_refresh(zones, snapshot) != RESULT_SYSTEM;
}

/* What the keeper's check at its start says: are those zones in doubt that good seals speak for? */
static bool is_withdrawn(struct snapshot *snapshot)
{
    struct store_check check;

    return snapshot_renew(snapshot) == RENEWAL_READY &&
           store_check(snapshot, &check, NULL, NULL) == RESULT_CORRUPT && check.doubtful > 0;
}

/* The process that meets the fault. */
static void meet(struct flips *flips)
{
    struct store store;
    struct snapshot snapshot = {.store = NULL};
    struct zone_table zones = {.slots = NULL};

    (void)alarm(DEADLINE_SECONDS);
    must(freopen("/dev/null", "w", stderr), "no /dev/null");
    flips->found->refused = !open_store(flips, &store, &snapshot, &zones);
    if (!flips->found->refused)
        ask_all(flips, &snapshot, &zones);
    _exit(0);
}

/* Another one, as the keeper is: its check at its start. */
static void check_it(struct flips *flips)
{
    struct store store;
    struct snapshot snapshot = {.store = NULL};
    struct zone_table zones = {.slots = NULL};

    (void)alarm(DEADLINE_SECONDS);
    must(freopen("/dev/null", "w", stderr), "no /dev/null");
    if (open_store(flips, &store, &snapshot, &zones))
        flips->found->withdrawn = is_withdrawn(&snapshot);
    flips->found->checked = true;
    _exit(0);
}

/* ---- faults -----------------------------------------------------------------------------------
 */

static void flip(struct flips *flips, size_t first, size_t octets)
{
    size_t bit = choose(flips, octets * 8);

    flips->work[first + bit / 8] ^= (uint8_t)(1U << bit % 8);
}

static size_t choose_page(struct flips *flips)
{
    return (2 + choose(flips, flips->size / PAGE - 2)) * PAGE;
}

/* A page that had something else in the old store. */
static void bring_back(struct flips *flips)
{
    size_t shared = flips->old_size < flips->size ? flips->old_size : flips->size, at;

    do
        at = (2 + choose(flips, shared / PAGE - 2)) * PAGE;
    while (memcmp(flips->old + at, flips->now + at, PAGE) == 0);
    memcpy(flips->work + at, flips->old + at, PAGE);
}

/* Make the fault in flips->work; returns the length of the file. */
static size_t make_fault(struct flips *flips, enum fault fault)
{
    size_t size = flips->size, one = choose_page(flips), other = choose_page(flips);

    switch (fault) {
    case BIT:
        flip(flips, 0, size);
        break;
    case BITS:
        for (unsigned i = 0; i < 40; i++)
            flip(flips, 2 * PAGE, size - 2 * PAGE);
        break;
    case META_BIT:
        flip(flips, choose(flips, 2) * PAGE, META_OCTETS);
        break;
    case ZEROED:
        memset(flips->work + one, 0, PAGE);
        break;
    case EXCHANGED:
        memcpy(flips->work + other, flips->now + one, PAGE);
        memcpy(flips->work + one, flips->now + other, PAGE);
        break;
    case MISPLACED:
        memcpy(flips->work + other, flips->now + one, PAGE);
        break;
    case OLD:
        bring_back(flips);
        break;
    case CUT_AT_PAGE:
        return one;
    case CUT:
        return choose(flips, size);
    case FAULTS:
        break;
    }
    return size;
}

static void write_store(const struct flips *flips, size_t size)
{
    FILE *file = fopen(flips->path, "r+b");

    must(file && fwrite(flips->work, 1, size, file) == size && fflush(file) == 0 &&
             ftruncate(fileno(file), (off_t)size) == 0,
         "the store cannot be written");
    (void)fclose(file);
}

/* ---- turns ------------------------------------------------------------------------------------
 */

static void count_end(struct tally *tally, int status)
{
    if (WIFEXITED(status))
        return;
    tally->aborted += WTERMSIG(status) == SIGABRT; /* LMDB's own: the room ends, and says so */
    tally->hung += WTERMSIG(status) == SIGALRM;
    tally->crashed += WTERMSIG(status) != SIGABRT && WTERMSIG(status) != SIGALRM;
}

static void tell(struct flips *flips, enum fault fault, uint64_t turn, int status)
{
    const struct meeting *found = flips->found;

    if (flips->told++ >= TOLD)
        return;
    printf("turn %llu, %s: %llu wrong%s, the first: %s; the process ended with %d\n",
           (unsigned long long)turn, faults[fault].what, (unsigned long long)found->wrong,
           found->withdrawn ? ", seen by the check" : "", flips->asked[found->first].text, status);
}

/* Faults that leave whole pages of good records where others should be. */
static bool has_good_seals(enum fault fault)
{
    return fault == META_BIT || fault == EXCHANGED || fault == MISPLACED || fault == OLD;
}

static void count_found(struct flips *flips, struct tally *tally, enum fault fault)
{
    const struct meeting *found = flips->found;

    tally->refused += found->refused;
    tally->same += found->same;
    tally->none += found->none;
    tally->untouched += found->same == flips->count;
    if (has_good_seals(fault))
        tally->old += found->wrong;
    else
        tally->wrong += found->wrong;
    /* A check that dies of a zone ends in the same way: it is not answered. */
    tally->lasting += found->checked && !found->withdrawn ? found->wrong : 0;
}

/* In a process of its own; how it ended. */
static int run(struct flips *flips, void (*what)(struct flips *))
{
    int status;
    pid_t child = fork();

    must(child >= 0, "fork");
    if (child == 0)
        what(flips);
    must(waitpid(child, &status, 0) == child, "waitpid");
    return status;
}

static void take_turn(struct flips *flips, enum fault fault, uint64_t turn)
{
    struct tally *tally = &flips->tallies[fault];

    memcpy(flips->work, flips->now, flips->size);
    write_store(flips, make_fault(flips, fault));
    *flips->found = (struct meeting){.same = 0};
    int status = run(flips, meet);
    uint64_t lasting = tally->lasting;
    if (flips->found->wrong)
        (void)run(flips, check_it);
    tally->turns++;
    count_end(tally, status);
    count_found(flips, tally, fault);
    if (flips->found->wrong && (!has_good_seals(fault) || tally->lasting != lasting))
        tell(flips, fault, turn, status);
}

static enum fault fault_of(uint64_t turn)
{
    unsigned at = (unsigned)(turn % 20), fault = 0;

    while (at >= faults[fault].share)
        at -= faults[fault++].share;
    return (enum fault)fault;
}

static struct tally add_up(const struct flips *flips)
{
    struct tally all = {.turns = 0};

    printf("%-26s %6s %9s %7s %7s %7s %5s %9s %9s %6s %6s %8s\n", "fault", "turns", "untouched",
           "refused", "aborted", "crashed", "hung", "same", "none", "wrong", "sealed", "lasting");
    for (unsigned i = 0; i <= FAULTS; i++) {
        const struct tally *one = i < FAULTS ? &flips->tallies[i] : &all;
        printf("%-26s %6llu %9llu %7llu %7llu %7llu %5llu %9llu %9llu %6llu %6llu %8llu\n",
               i < FAULTS ? faults[i].what : "all", (unsigned long long)one->turns,
               (unsigned long long)one->untouched, (unsigned long long)one->refused,
               (unsigned long long)one->aborted, (unsigned long long)one->crashed,
               (unsigned long long)one->hung, (unsigned long long)one->same,
               (unsigned long long)one->none, (unsigned long long)one->wrong,
               (unsigned long long)one->old, (unsigned long long)one->lasting);
        for (unsigned field = 0; i < FAULTS && field < sizeof all / sizeof(uint64_t); field++)
            ((uint64_t *)&all)[field] += ((const uint64_t *)one)[field];
    }
    return all;
}

static void prepare(struct flips *flips)
{
    struct store store;
    struct snapshot snapshot = {.store = NULL};
    struct zone_table zones = {.slots = NULL};

    load(flips, "tests/answers/example.zone");
    age(flips);
    store_close(&flips->world.store);
    must(open_store(flips, &store, &snapshot, &zones), store.problem);
    for (unsigned i = 0; i < flips->world.zone_count; i++)
        add_zone(flips, &snapshot, &flips->world.apexes[i]);
    struct answerer answerer = {
        .snapshot = &snapshot, .zones = &zones, .udp_payload = ANSWER_UDP_PAYLOAD};
    for (unsigned i = 0; i < flips->count; i++) {
        struct asked *asked = &flips->asked[i];
        ask(flips, &answerer, asked);
        asked->answer_length = flips->outcome.length;
        asked->answer = malloc(asked->answer_length + 1);
        must(asked->answer != NULL, "memory");
        memcpy(asked->answer, flips->answer, asked->answer_length);
        must(flips->outcome.verdict == ANSWER_SEND && flips->outcome.kind != ANSWER_FAILURE &&
                 flips->outcome.kind != ANSWER_REFUSED,
             asked->text);
    }
    must(!is_withdrawn(&snapshot), "the store is in doubt without a fault");
    zone_table_free(&zones);
    snapshot_close(&snapshot);
    store_close(&store);
}

int main(int count, char **words)
{
    struct flips *flips = calloc(1, sizeof *flips);
    uint64_t turns = count > 1 ? strtoull(words[1], NULL, 10) : 10000;
    const struct rlimit no_core = {0, 0};

    must(flips, "memory");
    flips->random = 88172645463325252 ^ (count > 2 ? strtoull(words[2], NULL, 10) << 8 : 0);
    flips->asked = calloc(QUESTIONS, sizeof *flips->asked);
    flips->found =
        mmap(NULL, sizeof *flips->found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(flips->asked && flips->found != MAP_FAILED, "memory");
    must(setrlimit(RLIMIT_CORE, &no_core) == 0, "setrlimit");
    prepare(flips);
    uint64_t begun = clock_monotonic_ms();
    for (uint64_t turn = 0; turn < turns; turn++)
        take_turn(flips, fault_of(turn), turn);
    struct tally all = add_up(flips);
    printf(
        "%u questions, a store of %zu KiB, %.1f s: %llu wrong answers; %llu from pages with good "
        "seals, %llu of them after the check of a start\n",
        flips->count, flips->size / 1024, (double)(clock_monotonic_ms() - begun) / 1000,
        (unsigned long long)all.wrong, (unsigned long long)all.old,
        (unsigned long long)all.lasting);
    world_close(&flips->world);
    /* A fault that nothing comes of shows nothing. */
    return all.wrong || all.lasting || all.hung || (turns >= 200 && !all.none);
}
