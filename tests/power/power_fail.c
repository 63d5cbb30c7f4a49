/*
 * power_fail.c - images of a store as power failures would have left it.
 *
 *   power_fail -z ZONE [-n IMAGES] [-s SEED] [-u] BASE RECORD
 *
 * BASE is a copy of data.mdb, RECORD what was done to it afterwards (record.h). Each image is cut
 * somewhere: what had been flushed by then is there; of what had only been written, some is there,
 * some is not, and some has part of its sectors. Each is opened as a store of this program, checked
 * whole, and asked for every update that had been acknowledged: number N gave the name nN one TXT
 * record, N.
 *
 * -u  As if no flush did anything, for the last UNSURE writes: the control, which has to fail.
 *
 * Prints one line of JSON; exit 1 when an image is not as it should be.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/change/check.h"
#include "avow/store/lookup.h"
#include "avow/store/zones.h"
#include "avow/wire/type.h"
#include "record.h"

enum { SECTOR = 512, UNSURE = 200, MAP_OCTETS = 1 << 30, MOST_LINES = 10 };

struct entry {
    struct record_head head;
    const uint8_t *octets;
};

struct story {
    struct entry *entries;
    size_t count;
    uint8_t *durable; /* what is on the disk for sure, up to the entry `settled` */
    uint8_t *image;   /* the file's map */
    size_t length, settled;
    struct name zone;
    uint64_t random;
    bool unflushed;
    char folder[64];
};

static void stop(const char *what)
{
    perror(what);
    exit(2);
}

static unsigned pick(struct story *story, unsigned limit)
{
    story->random = story->random * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(story->random >> 33) % limit;
}

/* ---- what was done -------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *length)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &status))
        stop(path);
    *length = (size_t)status.st_size;
    uint8_t *octets = malloc(*length + 1);
    if (!octets || read(file, octets, *length) != (ssize_t)*length)
        stop(path);
    close(file);
    return octets;
}

static bool is_write(const struct entry *entry)
{
    return entry->head.kind == RECORD_WRITE || entry->head.kind == RECORD_DURABLE;
}

/* Returns where the last write ends. */
static size_t read_story(struct story *story, const char *path)
{
    size_t length, room = 0, end = 0;
    const uint8_t *octets = read_file(path, &length);

    for (size_t at = 0; at + sizeof(struct record_head) <= length;) {
        if (story->count == room) {
            room = room ? room * 2 : 1024;
            story->entries = realloc(story->entries, room * sizeof *story->entries);
            if (!story->entries)
                stop("memory");
        }
        struct entry *entry = &story->entries[story->count];
        memcpy(&entry->head, octets + at, sizeof entry->head);
        at += sizeof entry->head;
        entry->octets = octets + at;
        at += entry->head.length;
        if (at > length)
            break;
        if (is_write(entry) && entry->head.offset + entry->head.length > end)
            end = (size_t)(entry->head.offset + entry->head.length);
        story->count++;
    }
    return end;
}

static void make_image_file(struct story *story)
{
    char path[sizeof story->folder + 16];

    (void)snprintf(story->folder, sizeof story->folder, "/tmp/avow-power-XXXXXX");
    if (!mkdtemp(story->folder))
        stop(story->folder);
    (void)snprintf(path, sizeof path, "%s/writer.lock", story->folder);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    (void)snprintf(path, sizeof path, "%s/data.mdb", story->folder);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || file < 0 || ftruncate(file, (off_t)story->length))
        stop(path);
    story->image = mmap(NULL, story->length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (story->image == MAP_FAILED)
        stop(path);
    close(lock);
    close(file);
}

static void remove_image_file(const struct story *story)
{
    char path[sizeof story->folder + 16];

    (void)snprintf(path, sizeof path, "%s/writer.lock", story->folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/data.mdb", story->folder);
    (void)unlink(path);
    (void)rmdir(story->folder);
}

static void load(struct story *story, const char *base, const char *record)
{
    size_t length, end = read_story(story, record);
    uint8_t *octets = read_file(base, &length);

    story->length = end > length ? end : length;
    story->durable = calloc(1, story->length);
    if (!story->durable)
        stop("memory");
    memcpy(story->durable, octets, length);
    free(octets);
    make_image_file(story);
    memcpy(story->image, story->durable, story->length);
}

/* ---- one image ------------------------------------------------------------------------------ */

/* The last entry before `cut` behind which everything older is on the disk. */
static size_t last_barrier(const struct story *story, size_t cut)
{
    size_t writes = 0;

    for (size_t at = cut; at > 0; at--) {
        const struct entry *entry = &story->entries[at - 1];
        if (story->unflushed ? (writes += is_write(entry)) > UNSURE
                             : entry->head.kind == RECORD_FLUSH)
            return at;
    }
    return 0;
}

static bool is_lasting(const struct story *story, const struct entry *entry)
{
    return entry->head.kind == RECORD_DURABLE && !story->unflushed;
}

/* What is written durably stays there whatever comes; cuts only go forward. */
static void settle(struct story *story, size_t barrier, size_t cut)
{
    for (; story->settled < cut; story->settled++) {
        const struct entry *entry = &story->entries[story->settled];
        if (story->settled >= barrier && is_write(entry) && !is_lasting(story, entry))
            break;
        if (is_write(entry)) {
            memcpy(story->durable + entry->head.offset, entry->octets, entry->head.length);
            memcpy(story->image + entry->head.offset, entry->octets, entry->head.length);
        }
    }
}

/* The sectors of a write that got there. */
static void tear(struct story *story, const struct entry *entry)
{
    size_t offset = (size_t)entry->head.offset, end = offset + entry->head.length;

    for (size_t at = offset, next; at < end; at = next) {
        next = (at / SECTOR + 1) * SECTOR;
        if (next > end)
            next = end;
        if (pick(story, 2))
            memcpy(story->image + at, entry->octets + (at - offset), next - at);
    }
}

/* What was under way at the cut, the entry there included. */
static void scatter(struct story *story, size_t cut)
{
    for (size_t at = story->settled; at <= cut && at < story->count; at++) {
        const struct entry *entry = &story->entries[at];
        if (!is_write(entry))
            continue;
        unsigned fate = at < cut && is_lasting(story, entry) ? 2 : pick(story, 4);
        if (fate >= 2)
            memcpy(story->image + entry->head.offset, entry->octets, entry->head.length);
        else if (fate == 1)
            tear(story, entry);
    }
}

static void take_back(struct story *story, size_t cut)
{
    for (size_t at = story->settled; at <= cut && at < story->count; at++) {
        const struct record_head *head = &story->entries[at].head;
        if (is_write(&story->entries[at]))
            memcpy(story->image + head->offset, story->durable + head->offset, head->length);
    }
}

/* ---- what it shows -------------------------------------------------------------------------- */

static void print_line(void *context, const char *line)
{
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

/* Whether the name of an update has its one record. */
static bool is_there(struct snapshot *snapshot, const struct story *story, const struct zone *zone,
                     uint64_t number)
{
    char text[NAME_MAX_TEXT + 32], apex[NAME_MAX_TEXT], digits[32];
    struct node_view node;
    struct rrset_view rrset;
    struct name name;

    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    (void)snprintf(text, sizeof text, "n%s.%s", digits, name_to_text(&story->zone, apex));
    if (name_from_string(text, &name) ||
        lookup_node(snapshot, zone->version, &name, &node) != RECORD_THERE ||
        node_find(&node, TYPE_TXT, &rrset) != RECORD_THERE || rrset.rdata.count != 1)
        return false;
    size_t length = strlen(digits); /* the run: its length, the string's length, the string */
    return rrset.rdata.length == length + 3 && rrset.rdata.octets[2] == length &&
           memcmp(rrset.rdata.octets + 3, digits, length) == 0;
}

static bool has_all(struct snapshot *snapshot, const struct story *story, size_t cut)
{
    struct zone zone;

    if (zone_get(snapshot, &story->zone, &zone) != RECORD_THERE)
        return false;
    for (size_t at = 0; at < cut; at++) {
        const struct record_head *head = &story->entries[at].head;
        if (head->kind == RECORD_ACKNOWLEDGED && !is_there(snapshot, story, &zone, head->offset)) {
            (void)fprintf(stderr, "update %" PRIu64 " is lost\n", head->offset);
            return false;
        }
    }
    return true;
}

static bool is_whole(const struct story *story, size_t cut)
{
    const struct store_options options = {
        .folder = story->folder, .access = STORE_OFFLINE, .map_octets = MAP_OCTETS};
    struct snapshot snapshot;
    struct store_check check = {.octets = 0};
    struct store store;

    if (store_open(&store, &options)) {
        (void)fprintf(stderr, "%s\n", store.problem);
        return false;
    }
    return !snapshot_open(&snapshot, &store, NULL, 0) &&
           snapshot_renew(&snapshot) == RENEWAL_READY &&
           !store_check(&snapshot, &check, print_line, NULL) && has_all(&snapshot, story, cut);
}

/* In a process of its own: LMDB ends one that shows it a page which contradicts itself. */
static bool stands(const struct story *story, size_t cut, bool quiet)
{
    int status;
    pid_t child = fork();

    if (child < 0)
        stop("fork");
    if (child == 0) {
        if (quiet && !freopen("/dev/null", "w", stderr))
            _exit(1);
        _exit(is_whole(story, cut) ? 0 : 1);
    }
    if (waitpid(child, &status, 0) != child)
        stop("waitpid");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned long run(struct story *story, unsigned long images)
{
    unsigned long failed = 0;

    for (unsigned long i = 0; i < images; i++) {
        size_t low = story->count * i / images, high = story->count * (i + 1) / images;
        size_t cut = low + (high > low ? pick(story, (unsigned)(high - low)) : 0);
        if (cut < story->settled)
            cut = story->settled;
        settle(story, last_barrier(story, cut), cut);
        scatter(story, cut);
        if (!stands(story, cut, failed >= MOST_LINES)) {
            if (failed++ < MOST_LINES)
                (void)fprintf(stderr, "image %lu, cut at entry %zu of %zu\n", i, cut, story->count);
        }
        take_back(story, cut);
    }
    return failed;
}

int main(int count, char **arguments)
{
    struct story story = {.random = 1};
    unsigned long images = 1000, failed, flushes = 0, acknowledged = 0;
    const char *zone = NULL;
    int letter;

    while ((letter = getopt(count, arguments, "z:n:s:u")) != -1) {
        if (letter == 'z')
            zone = optarg;
        else if (letter == 'n')
            images = strtoul(optarg, NULL, 10);
        else if (letter == 's')
            story.random = strtoull(optarg, NULL, 10);
        else if (letter == 'u')
            story.unflushed = true;
        else
            return 2;
    }
    if (!zone || name_from_string(zone, &story.zone) || count - optind != 2) {
        (void)fprintf(stderr, "usage: power_fail -z ZONE [-n IMAGES] [-s SEED] [-u] BASE RECORD\n");
        return 2;
    }
    load(&story, arguments[optind], arguments[optind + 1]);
    failed = run(&story, images);
    for (size_t i = 0; i < story.count; i++) {
        flushes += story.entries[i].head.kind == RECORD_FLUSH;
        acknowledged += story.entries[i].head.kind == RECORD_ACKNOWLEDGED;
    }
    (void)printf("{\"images\": %lu, \"failed\": %lu, \"entries\": %zu, \"flushes\": %lu, "
                 "\"acknowledged\": %lu}\n",
                 images, failed, story.count, flushes, acknowledged);
    remove_image_file(&story);
    return failed ? 1 : 0;
}
