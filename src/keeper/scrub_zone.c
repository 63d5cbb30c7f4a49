/*
 * scrub_zone.c - a pass over one zone, and what becomes of what it finds.
 *
 * A bad signature is asked for anew: the RRset that it lies beside has a good seal. A damaged
 * record stays as it is, and is answered SERVFAIL; nothing is ever derived from it. When records
 * that look good vanished or came back, or pages are not where they belong, nobody can tell which
 * answers are still right: the zone is in doubt and not answered. The zone's file, where it is all
 * that the zone is, and still the one that was loaded, makes it whole again by itself; where
 * updates have changed the zone, an operator has to say what is to be served.
 */
#include "scrub_zone.h"

#include <stdio.h>

#include "avow/change/journal.h"
#include "avow/store/key.h"
#include "avow/wire/type.h"

enum { LINES = 20 /* of the log, for each zone and pass */ };

static const enum store_table tables[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3};

/* ---- findings ---------------------------------------------------------------------------------
 */

static void log_finding(void *context, const char *line)
{
    struct scrub *scrub = context;
    char name[NAME_MAX_TEXT];

    if (scrub->lines++ < LINES)
        log_error("%s: %s", scrub->rows ? "store" : name_to_text(&scrub->zone, name), line);
}

static void sign_anew(void *context, const struct bad_signature *bad)
{
    struct scrub *scrub = context;
    struct keeper_zone *zone = keeper_zone_find(scrub->keeper, &scrub->zone);
    char name[NAME_MAX_TEXT], owner[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];
    struct job_subject subject = {.version = bad->version,
                                  .kind = bad->hash ? WANT_NSEC3 : WANT_RRSET,
                                  .type = bad->type,
                                  .owner = &bad->owner,
                                  .hash = bad->hash};
    enum result result = zone ? wanted_anew(zone, &subject) : RESULT_REFUSED;

    scrub->left += result != RESULT_OK;
    if (scrub->lines++ < LINES)
        log_error("%s: a stored signature of %s %s does not hold: %s; %s",
                  name_to_text(&scrub->zone, name), name_to_text(&bad->owner, owner),
                  type_to_text(bad->type, type), verdict_sentence(bad->verdict),
                  result ? "it cannot be made anew now" : "it is made anew");
}

/* Records of journals are met behind the zones: by their version it shows whose they are. */
static void note_damaged(void *context, enum store_table table, const struct store_record *record)
{
    struct scrub *scrub = context;
    struct keeper_zone *zone =
        table == TABLE_JOURNAL
            ? keeper_zone_of_version(scrub->keeper,
                                     store_key_version(record->key, record->key_length))
            : NULL;

    if (zone)
        zone->scrub.journal_damaged++;
}

struct check_task scrub_task(struct scrub *scrub)
{
    return (struct check_task){
        .snapshot = &scrub->keeper->view,
        .counts = &scrub->found,
        .signatures = scrub->rows || !scrub->signatures.version ? NULL : &scrub->signatures,
        .complain = log_finding,
        .damaged = note_damaged,
        .bad_signature = sign_anew,
        .context = scrub};
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

void scrub_zone_begin(struct scrub *scrub, struct keeper_zone *zone)
{
    name_copy(&scrub->zone, &zone->name);
    scrub->found = (struct store_check){.octets = 0};
    scrub->lines = 0;
    scrub->left = 0;
    zone_signatures_close(&scrub->signatures);
    store_scan_begin(&scrub->keeper->scan, tables[0], zone->row.version);
}

/* The zone, if it still is what the pass began with. */
static struct keeper_zone *zone_at_hand(const struct scrub *scrub)
{
    struct keeper_zone *zone = keeper_zone_find(scrub->keeper, &scrub->zone);

    return zone && zone->config && zone->row.version == scrub->keeper->scan.version ? zone : NULL;
}

static enum result prepare_keys(struct scrub *scrub, const struct keeper_zone *zone)
{
    if (scrub->pass != SCRUB_SIGNATURES || scrub->signatures.version ||
        !keeper_zone_is_signed(zone))
        return RESULT_OK;
    return zone_signatures_open(&scrub->signatures, &scrub->keeper->view, &zone->name,
                                zone->row.version, false);
}

static bool next_table(struct store_scan *scan)
{
    unsigned i = 0;

    while (tables[i] != scan->table)
        i++;
    if (i + 1 == COUNT(tables))
        return false;
    store_scan_table(scan, tables[i + 1]);
    return true;
}

enum found_record scrub_zone_step(struct scrub *scrub, size_t limit)
{
    struct store_scan *scan = &scrub->keeper->scan;
    struct keeper_zone *zone = zone_at_hand(scrub);

    if (!zone || prepare_keys(scrub, zone))
        return RECORD_ABSENT;
    struct check_task task = scrub_task(scrub);
    enum found_record found = store_scan_part(&task, scan, limit);
    if (found == RECORD_THERE)
        return found;
    if (!next_table(scan))
        return RECORD_ABSENT;
    return found == RECORD_CORRUPT ? found : RECORD_THERE;
}

/* ---- conclusions ------------------------------------------------------------------------------
 */

static uint64_t sum_records(const uint64_t numbers[STORE_TABLES])
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < STORE_TABLES; i++)
        sum += numbers[i];
    return sum;
}

static void add_up(struct scrub *scrub)
{
    struct metrics_stripe *metrics = scrub->keeper->metrics;
    const struct store_check *found = &scrub->found;
    struct scrub_facts *now = &scrub->now;
    uint64_t records = sum_records(found->records);
    uint64_t damaged = sum_records(found->damaged) + found->misplaced;

    now->records += records;
    now->damaged += damaged;
    now->signatures += found->signatures;
    now->bad_signatures += found->bad_signatures;
    now->left += scrub->left;
    metric_add(metrics, METRIC_SCRUBBED, records);
    metric_add(metrics, METRIC_RECORDS_CORRUPT, damaged);
    metric_add(metrics, METRIC_SIGNATURES_VERIFIED, found->signatures);
    metric_add(metrics, METRIC_SIGNATURES_BAD, found->bad_signatures);
}

/* Whether what is served is of before the store's last commit. */
static bool is_old(const struct keeper_zone *zone)
{
    return zone->row.version <= zone->keeper->old_versions;
}

/* Serve the zone or not. */
static void set_doubt(struct keeper_zone *zone, bool doubtful)
{
    struct zone before = zone->row;

    if (((zone->row.flags & ZONE_DOUBTFUL) != 0) == doubtful)
        return;
    zone->row.flags ^= ZONE_DOUBTFUL;
    /* An old store agrees with itself: the digest becomes one that is of no records. */
    zone->row.digest.records += doubtful && is_old(zone);
    if (commit_zone(zone, true)) {
        zone->row = before; /* the next pass tries again */
        zone->keeper->scrub->undecided = true;
    } else if (!doubtful) {
        keeper_zone_fine(zone, true);
    }
}

/* The zone's own file as a new version, if that is all that the zone was. */
static void mend(struct keeper_zone *zone, const char *what)
{
    bool mends = !(zone->row.flags & ZONE_EDITED) && !loader_file_changed(zone);
    char name[NAME_MAX_TEXT];

    (void)snprintf(zone->scrub.problem, sizeof zone->scrub.problem, "%s; %s", what,
                   mends ? "its file is loaded anew"
                         : "zone reload --force makes it what its file says");
    log_error("%s %s", name_to_text(&zone->name, name), zone->scrub.problem);
    if (!mends)
        return;
    zone->whole = zone->load_wanted = zone->mends = true;
    if (zone->phase != PHASE_QUEUED && zone->phase != PHASE_LOADING) /* else when that has ended */
        zone->phase = PHASE_IDLE;
    keeper_zone_advance(zone);
}

static void judge(struct scrub *scrub, struct keeper_zone *zone)
{
    const struct store_scan *scan = &scrub->keeper->scan;
    uint64_t damaged = sum_records(scrub->found.damaged) + scrub->found.misplaced;
    bool doubtful = is_old(zone) || store_scan_is_doubtful(scan, &zone->row, &scrub->found);
    char what[200];

    zone->scrub = (struct zone_scrub){.at = scrub->keeper->now,
                                      .version = zone->row.version,
                                      .damaged = damaged,
                                      .signatures = scrub->found.signatures,
                                      .bad_signatures = scrub->found.bad_signatures};
    scrub->now.zones++;
    scrub->now.doubtful += doubtful;
    set_doubt(zone, doubtful);
    if (doubtful)
        (void)snprintf(what, sizeof what,
                       "not answered for: records have vanished or are old ones (%llu, of %llu)",
                       (unsigned long long)scan->digest.records,
                       (unsigned long long)zone->row.digest.records);
    else if (damaged)
        (void)snprintf(what, sizeof what,
                       "%llu records of the store are damaged; their names are answered SERVFAIL",
                       (unsigned long long)damaged);
    if (doubtful || damaged)
        mend(zone, what);
    control_zone_event(zone);
}

void scrub_acquit(struct keeper *keeper, uint32_t version)
{
    if (metric_get(keeper->metrics, METRIC_SCRUB_SUSPECT) == version)
        metric_set(keeper->metrics, METRIC_SCRUB_SUSPECT, 0);
}

void scrub_zone_end(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;
    struct keeper_zone *zone = zone_at_hand(scrub);

    zone_signatures_close(&scrub->signatures);
    add_up(scrub);
    if (zone && keeper->scan.table == tables[COUNT(tables) - 1]) {
        scrub_acquit(keeper, keeper->scan.version);
        judge(scrub, zone);
    } else if (zone) {
        scrub->undecided = true;
    }
}

/* What their rows say is in our memory: damaged ones are written over. */
static void write_rows(struct keeper *keeper)
{
    struct change change;

    if (commit_begin(keeper, &change))
        return; /* the next pass tries again */
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        if (zone->config && zone->row.version)
            change_put_zone(&change, &zone->row);
    if (!commit_end(keeper, &change, true, NULL, 0))
        log_warning("the rows of all zones were written anew");
}

static void say_cut(const struct keeper_zone *zone)
{
    char name[NAME_MAX_TEXT];

    (void)name_to_text(&zone->name, name);
    if (zone->row.journal_entries)
        log_error(
            "%s its journal was damaged, and begins with serial %u now; secondaries that have "
            "an older one get the whole zone",
            name, zone->row.journal_oldest);
    else
        log_error("%s its journal was damaged, and is empty now; secondaries that are not up to "
                  "date get the whole zone",
                  name);
}

static void mend_journal(struct scrub *scrub, struct keeper_zone *zone)
{
    struct zone before = zone->row;
    struct change change;
    char name[NAME_MAX_TEXT];
    bool cut = false;
    enum result result = commit_begin(scrub->keeper, &change);

    if (!result) {
        cut = change_mend_journal(&change, &zone->row);
        change_put_zone(&change, &zone->row);
        result = commit_end(scrub->keeper, &change, false, &zone, 1);
    }
    if (result) {
        zone->row = before; /* the next pass tries again */
        log_error("%s its journal is damaged, and could not be mended now",
                  name_to_text(&zone->name, name));
        return;
    }
    scrub->now.mended += zone->scrub.journal_damaged;
    if (cut) /* else the line has been mended, or begun anew, by what came meanwhile */
        say_cut(zone);
}

static void mend_journals(struct scrub *scrub)
{
    for (struct keeper_zone *zone = scrub->keeper->zones; zone; zone = zone->next) {
        if (zone->scrub.journal_damaged && zone->config)
            mend_journal(scrub, zone);
        zone->scrub.journal_damaged = 0;
    }
}

void scrub_rows_end(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;

    scrub->left = 0;
    add_up(scrub);
    if (scrub->found.damaged[TABLE_ZONES])
        write_rows(keeper);
    if (scrub->found.damaged[TABLE_JOURNAL])
        mend_journals(scrub);
}

void scrub_condemn(struct scrub *scrub)
{
    struct keeper_zone *zone = keeper_zone_of_version(scrub->keeper, scrub->deadly);
    char name[NAME_MAX_TEXT];

    if (!zone || !zone->config) {
        log_error("the store is damaged: a keeper died whenever it looked through it");
        return;
    }
    zone->scrub =
        (struct zone_scrub){.at = scrub->keeper->now, .version = zone->row.version, .damaged = 1};
    set_doubt(zone, true);
    /* To drop what is there would be as deadly: nothing is loaded in its place. */
    (void)snprintf(zone->scrub.problem, sizeof zone->scrub.problem,
                   "not answered for: a keeper died whenever it looked through its records; see "
                   "avowctl store check, with the daemon stopped");
    log_error("%s %s", name_to_text(&zone->name, name), zone->scrub.problem);
}
